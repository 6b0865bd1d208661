/**
 * The questions that a store answers, and their answers: plain data, the same for every engine. What each means is
 * defined in the contract's comments. Times are microseconds since 1970 as numbers (exact until the year 2255).
 */
import type { Filter, TextField } from "../filter/filter.ts";
import type { RetentionAnswer, RetentionCounting } from "../sequence/sequence.ts";

export type { RetentionAnswer, RetentionCounting } from "../sequence/sequence.ts";

/** Which events a question is about. */
export interface Selection {
  readonly project: string;
  /** First instant in the range; absent: from the first event. */
  readonly startUs?: number;
  /** First instant after the range; absent: to the last event. */
  readonly endUs?: number;
  /** Only events that pass count at all. */
  readonly filter?: Filter;
}

/**
 * What is counted or computed. Quantiles interpolate linearly at rank p·(n−1). Where avg, min, max or a quantile has
 * nothing to go by, it is NaN; counts and sums are then 0.
 */
export type Metric =
  | { readonly kind: "events" }
  | { readonly kind: "unique_users" }
  | { readonly kind: "sessions"; readonly gapUs: number }
  | { readonly kind: "sum" | "avg" | "min" | "max"; readonly measure: string }
  /** `p` from 0 to 1. */
  | { readonly kind: "quantile"; readonly p: number; readonly measure: string };

/** A field to group by: a built-in field, or the key of a property. */
export type Dimension =
  | { readonly kind: "field"; readonly field: TextField }
  | { readonly kind: "property"; readonly key: string };

/** Events of a name, those that pass a filter, or those that do both; of neither: every event. */
export interface EventMatch {
  /** Empty: any name. */
  readonly name: string;
  readonly filter?: Filter;
}

export interface SummaryQuestion {
  readonly kind: "summary";
  readonly selection: Selection;
  /** How many names to list, 1 to 1,000. */
  readonly topLimit: number;
  /** Sessions are counted too, with this gap, in microseconds; absent: they are not. */
  readonly sessionGapUs?: number;
}

export interface SummaryAnswer {
  readonly totalEvents: number;
  readonly uniqueUsers: number;
  /** Absent unless asked for. */
  readonly sessions?: number;
  /** By lower-case text: user, transaction, system, custom; only those that occur. */
  readonly eventsByType: Readonly<Record<string, number>>;
  readonly topEvents: readonly {
    readonly name: string;
    readonly events: number;
    readonly users: number;
    /** Events of the same name in [2·start − end, start); absent where the selection lacks an end. */
    readonly eventsBefore?: number;
  }[];
  /** Absent where there are no events. */
  readonly firstEventUs?: number;
  readonly lastEventUs?: number;
}

export interface SeriesQuestion {
  readonly kind: "series";
  readonly selection: Selection;
  readonly metric: Metric;
  /** Starts of the buckets, ascending; bucket i is [starts[i], starts[i+1]), the last one ends at `endUs`. */
  readonly starts: readonly number[];
  readonly endUs: number;
  /** Up to 2. */
  readonly groupBy: readonly Dimension[];
  /** How many groups, 1 to 1,000. */
  readonly groupLimit: number;
}

export interface SeriesAnswer {
  /**
   * Ranked by the metric over the whole range (avg, min, max and quantiles: by events), then by bytes; without group_by
   * one group with no values. A session counts in the group and the bucket of its first event.
   */
  readonly groups: readonly SeriesGroup[];
  /** All events outside the groups; absent where there are none. */
  readonly other?: SeriesGroup;
}

export interface SeriesGroup {
  readonly values: readonly string[];
  /** One for each bucket; where it is empty 0, or NaN for avg, min, max and quantiles. */
  readonly buckets: Float64Array;
  /** The metric over the whole range. */
  readonly total: number;
}

export interface BreakdownQuestion {
  readonly kind: "breakdown";
  readonly selection: Selection;
  readonly metric: Metric;
  readonly dimension: Dimension;
  /** 1 to 1,000. */
  readonly limit: number;
}

export interface BreakdownAnswer {
  /** Ranked by the metric (avg, min, max and quantiles: by events), then by bytes. */
  readonly rows: readonly { readonly value: string; readonly metric: number }[];
  /** The metric over all events outside the rows; absent where there are none. */
  readonly other?: number;
  /** The metric over all events. */
  readonly total: number;
}

/** First and last event of a selection, where a series has an open range. */
export interface BoundsQuestion {
  readonly kind: "bounds";
  readonly selection: Selection;
}

export interface BoundsAnswer {
  readonly firstEventUs?: number;
  readonly lastEventUs?: number;
}

/** Where a page of events goes on: after this event in the list's order. */
export interface EventCursor {
  readonly timestampUs: number;
  readonly id: string;
  readonly userId: string;
  /** Places of the log, to tell apart rows of the same identity (an id forgotten and sent again). */
  readonly partition: number;
  readonly offset: number;
}

/** By timestamp, id, user_id, all descending; text by its UTF-8 bytes. */
export interface EventsQuestion {
  readonly kind: "events";
  readonly selection: Selection;
  readonly userId?: string;
  readonly after?: EventCursor;
  /** 1 to 1,001. */
  readonly limit: number;
}

/** A flattened event as it stands in the store. */
export interface StoredEvent {
  readonly id: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly name: string;
  /** user, transaction, system or custom. */
  readonly eventType: string;
  readonly source: string;
  readonly timestampUs: number;
  readonly receivedUs: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly measures: Readonly<Record<string, number>>;
  readonly partition: number;
  readonly offset: number;
}

export interface EventsAnswer {
  readonly events: readonly StoredEvent[];
}

export interface UserQuestion {
  readonly kind: "user";
  readonly selection: Selection;
  readonly userId: string;
  /** How many names to list, 1 to 1,000. */
  readonly topLimit: number;
  /** In microseconds. */
  readonly sessionGapUs: number;
  /** How many sessions to list, 1 to 1,000. */
  readonly sessionLimit: number;
}

/** Absent answer fields mean: no event of this user in the selection. */
export interface UserAnswer {
  readonly events: number;
  readonly firstEventUs?: number;
  readonly lastEventUs?: number;
  /** By name, ranked by events, then bytes. */
  readonly eventsByName: readonly { readonly name: string; readonly events: number }[];
  /** Of each property its last value (by timestamp, then id); at most 100 keys, by bytes. */
  readonly properties: Readonly<Record<string, string>>;
  /** Latest first: by the first event's timestamp, then its id, both descending. */
  readonly sessions: readonly UserSession[];
  readonly totalSessions: number;
  /** Of all sessions together, in microseconds. */
  readonly sessionLengthUs: number;
  /**
   * First and last event of each quarter of a day (UTC) that has one, ascending, in turn. No zone's day is as short as
   * that, so these events lie on every day that has events, and on no other.
   */
  readonly activityUs: readonly number[];
  /** Purchases and subscriptions, completed or without a status. */
  readonly transactions: number;
  /** Their amounts less those of refunds, by currency as the events have it; at most 1,000 currencies, by bytes. */
  readonly revenue: readonly { readonly currency: string; readonly amount: number }[];
}

export interface UserSession {
  /** Empty where it was found by gaps of time. */
  readonly sessionId: string;
  /** Timestamps of the first and the last event. */
  readonly startUs: number;
  readonly endUs: number;
  readonly events: number;
}

export interface DimensionsQuestion {
  readonly kind: "dimensions";
  readonly selection: Selection;
  /** How many of each kind, 1 to 1,000. */
  readonly limit: number;
}

export interface DimensionsAnswer {
  /** Each ranked by events, then by bytes. */
  readonly names: readonly CountedKey[];
  readonly properties: readonly CountedKey[];
  readonly measures: readonly CountedKey[];
}

export interface CountedKey {
  readonly key: string;
  readonly events: number;
}

/**
 * Which users of each cohort come back, and when. The selection's range, with both ends, bounds start events only;
 * returns may lie after it.
 */
export interface RetentionTerms {
  readonly selection: Selection & { readonly startUs: number; readonly endUs: number };
  readonly start: EventMatch;
  readonly returns: EventMatch;
  /** How many periods the range touches: rows of the grid, earliest first; at least one. */
  readonly cohorts: number;
  /**
   * Starts of the cohorts' periods, ascending, and of as many after them as the last cohort's cells need, and where the
   * last cell ends: `cohorts + periods + 1` instants; with rolling at least `cohorts + 1`.
   */
  readonly periodStarts: readonly number[];
  /** Cells 0 to this number, 1 to 60. */
  readonly periods: number;
  readonly counting: RetentionCounting;
  readonly returnRule: "on" | "on_or_after";
}

/** A user enters one cohort: by the first start event of all that pass the filter, if it lies in the range. */
export interface FirstEverRetentionQuestion extends RetentionTerms {
  readonly kind: "first_ever_retention";
}

/** Question and answer by kind. */
export interface Questions {
  summary: { question: SummaryQuestion; answer: SummaryAnswer };
  series: { question: SeriesQuestion; answer: SeriesAnswer };
  breakdown: { question: BreakdownQuestion; answer: BreakdownAnswer };
  bounds: { question: BoundsQuestion; answer: BoundsAnswer };
  events: { question: EventsQuestion; answer: EventsAnswer };
  user: { question: UserQuestion; answer: UserAnswer };
  dimensions: { question: DimensionsQuestion; answer: DimensionsAnswer };
  first_ever_retention: { question: FirstEverRetentionQuestion; answer: RetentionAnswer };
}

export type Question = Questions[keyof Questions]["question"];
export type AnswerTo<Q extends Question> = Questions[Q["kind"]]["answer"];
