/**
 * Questions about the order of a user's events, answered by state machines over ordered rows. A store feeds the rows
 * chunk by chunk, so that memory holds a chunk and what the machine remembers of one user, besides the answer's figures.
 *
 * Times and durations are whole microseconds (times since 1970) as numbers, ranges [startUs, endUs). Names, breakdown
 * values and session ids come as codes that the feed chooses, integers from 0 to 2^31 - 1 (names of paths below 2^26,
 * session ids to 2^53).
 * Where an answer is ranked, ties go by `compareCodes`, which orders codes as their texts' UTF-8 bytes. It is called
 * when an instant's events are ordered by name (paths) and at the end.
 */

/**
 * Rows as columns, ordered by user, time and event id; rows of one user may go on in the next chunk. A machine keeps no
 * reference to a chunk.
 */
export interface Rows {
  /** How many entries of each column count. */
  readonly length: number;
  /** Key of the user: all rows of one key stand together. */
  readonly users: Int32Array;
  readonly times: Float64Array;
  /** Bit i: the event matches predicate i, as the question numbers them. */
  readonly masks: Uint32Array;
  /** Bit i: the event matches exclusion i of a funnel. Absent: none does. */
  readonly excluded?: Uint32Array;
  /** Code of the breakdown value (funnel) or name (paths) of the event. Absent: 0. */
  readonly values?: Int32Array;
  /** Code of the event's session_id, different for different ids of one user, 0 without one. Absent: 0. */
  readonly sessions?: Float64Array;
}

/** Takes all rows in order, then answers once. */
export interface Machine<Answer> {
  push(rows: Rows): void;
  finish(): Answer;
}

/** Orders codes as the UTF-8 bytes of their texts: negative when `a` comes first, 0 only for the same code. */
export type CompareCodes = (a: number, b: number) => number;

/** What is kept of many codes: the first ones by rank. */
export interface Ranking {
  /** How many codes at most; all others are one "other". */
  readonly limit: number;
  readonly compareCodes: CompareCodes;
}

export type FunnelOrder = "ordered" | "strict" | "any_order";

/**
 * Bit i of `masks` is step i + 1. Rows: all that pass the filter, with a time from startUs to endUs + windowUs, both
 * included; those without a bit in `masks` or `excluded` may be left out unless the order is strict. `values` are the
 * breakdown's.
 */
export interface FunnelQuestion {
  /** How many steps, 2 to 20. */
  readonly steps: number;
  readonly windowUs: number;
  readonly order: FunnelOrder;
  readonly entry: "every" | "first";
  /** Up to 32; bit i of `excluded` is exclusion i. Absent: none. */
  readonly exclusions?: readonly FunnelExclusion[];
  /** An attempt's start lies in [startUs, endUs); absent: no bound. */
  readonly startUs?: number;
  readonly endUs?: number;
  /** Absent: no groups. */
  readonly breakdown?: Ranking;
}

/** Holds from the event of step `from` to that of step `to`, 1 <= from < to <= steps. */
export interface FunnelExclusion {
  /** Absent: 1. */
  readonly from?: number;
  /** Absent: the last step. */
  readonly to?: number;
}

export interface FunnelAnswer {
  /** Over all users. */
  readonly steps: readonly FunnelStep[];
  /** Ranked by the users of step 1, then by code; empty without a breakdown. */
  readonly groups: readonly FunnelGroup[];
  /** The users of all codes beyond the limit; absent where there are none. */
  readonly other?: readonly FunnelStep[];
}

export interface FunnelGroup {
  readonly code: number;
  readonly steps: readonly FunnelStep[];
}

/** Step i + 1 stands at index i. */
export interface FunnelStep {
  /** Users whose counted attempt reached this step. */
  readonly users: number;
  /** Time from the attempt's start; absent for the first step and without users. */
  readonly fromStart?: Durations;
  /** Time from the step before; absent for the first step and without users. */
  readonly fromPrevious?: Durations;
}

export interface Durations {
  readonly averageUs: number;
  /** Quantile 0.5, by linear interpolation at rank p (n - 1), as is p90. */
  readonly medianUs: number;
  readonly p90Us: number;
}

/** Who comes back: counted in calendar periods, or in periods of the user's own from the start event on. */
export type RetentionCounting =
  | { readonly kind: "calendar" }
  | { readonly kind: "rolling"; readonly unitUs: number };

/**
 * Bit 0 of `masks`: the event may start (it matches the start event). Bit 1: it is a return. Rows: all that pass the
 * filter and have a bit, from the range's start to the end of the last cell (with on_or_after: to the last event). A
 * user enters the cohort of every period in which they start.
 */
export interface RetentionQuestion {
  /** Start events lie in [startUs, endUs). */
  readonly startUs: number;
  readonly endUs: number;
  /** How many periods the range touches: rows of the grid, earliest first. */
  readonly cohorts: number;
  /**
   * Starts of the periods, ascending: those of the range, and as many after them as the last cohort's cells need, and
   * one more, which is where the last cell ends: `cohorts + periods + 1` instants. With rolling `cohorts + 1` are enough.
   */
  readonly periodStarts: ArrayLike<number>;
  /** Cells 0 to this number, 1 to 60. */
  readonly periods: number;
  readonly counting: RetentionCounting;
  readonly returnRule: "on" | "on_or_after";
}

export interface RetentionAnswer {
  /** One for each of the question's cohorts. */
  readonly cohorts: readonly RetentionCohort[];
}

export interface RetentionCohort {
  readonly size: number;
  /** By period, 0 to the question's number. */
  readonly retained: readonly number[];
  /** Start event of the cohort's last user; absent in an empty cohort. */
  readonly lastStartUs?: number;
}

/** How sessions are built. */
export interface SessionRule {
  /** More than this between two events without a session_id starts a new session. */
  readonly gapUs: number;
}

/** Bit 0 of `masks` is the anchor. `values` are the names. Rows: all in the range that pass the filter. */
export interface PathsQuestion {
  readonly direction: "after" | "before";
  /** False: the anchor is the first event (before: the last one), and `masks` does not matter. */
  readonly anchored: boolean;
  /** What one path is made of: a session, or all events of a user. */
  readonly scope: SessionRule | "user";
  /** How many levels follow the anchor, 1 to 10. */
  readonly depth: number;
  readonly keepRepeats: boolean;
  /** Of the names of each level. */
  readonly names: Ranking;
}

export interface PathsAnswer {
  /** Sessions (or users) that have the anchor. */
  readonly sessions: number;
  /** By level, then by sessions, most first, then by code, other last. */
  readonly nodes: readonly PathNode[];
  /** By source, then by target. */
  readonly links: readonly PathLink[];
}

export interface PathNode {
  readonly level: number;
  /** Code of the name; absent for other. */
  readonly code?: number;
  readonly sessions: number;
  /** Absent at the deepest level. */
  readonly dropOffs?: number;
}

/** From one node to one of the next level, as indexes of `nodes`. */
export interface PathLink {
  readonly source: number;
  readonly target: number;
  readonly sessions: number;
}
