/**
 * What happens now: sliding windows and the events themselves as they come, fed by the log. Without a reader nothing is
 * read or decoded; with readers every new record is decoded once for all of them.
 */
import type { Stage } from "../domain/health.ts";
import type { FlatEvent } from "../domain/record/flatten.ts";
import type { Filter } from "../filter/filter.ts";

/** Which events count. */
export interface LiveQuestion {
  readonly project: string;
  /** Absent: every event. */
  readonly filter?: Filter;
}

export interface WindowQuestion extends LiveQuestion {
  /** Length of the window; it is rounded up to whole steps (stepOf in window.ts). */
  readonly windowMs: number;
  /** Time between two updates. */
  readonly intervalMs: number;
  /** How many names an update ranks. */
  readonly limit: number;
}

/** Where a reader stands, to go on from there later. */
export interface LivePlace {
  /** Up to when the reader has seen what there was, in milliseconds since 1970. */
  readonly timeMs: number;
  /** For each partition of the log the offset of the next record. */
  readonly positions: readonly number[];
}

/** Received times between which events are missing, in milliseconds since 1970: [startMs, endMs). */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

export interface NameTotal {
  readonly name: string;
  readonly events: number;
}

/** A window at an instant. Times are milliseconds since 1970. */
export interface WindowFigures {
  readonly startMs: number;
  readonly endMs: number;
  readonly events: number;
  readonly activeUsers: number;
  /** There are more users than are counted exactly. */
  readonly activeUsersAtLeast: boolean;
  /** There are more names than are counted exactly: some have more events than stated, some may not be there. */
  readonly topEventsAtLeast: boolean;
  /** More identities came than are remembered, so that one that came again may count again. */
  readonly duplicatesPossible: boolean;
}

export interface WindowUpdate {
  readonly figures: WindowFigures;
  /** Whether topEvents is whole; else it is what changed, with 0 for a name that is no longer among the top. */
  readonly complete: boolean;
  readonly topEvents: readonly NameTotal[];
  readonly gap?: Span;
  readonly place: LivePlace;
}

export interface TailUpdate {
  /** In the order of each partition. */
  readonly events: readonly FlatEvent[];
  /** How many more were left out because the reader was too slow. */
  readonly skipped: number;
  readonly gap?: Span;
  readonly place: LivePlace;
}

export interface LiveOptions {
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Where an earlier stream of the same question broke. */
  readonly after?: LivePlace;
  /** Whose share of the places it takes; absent: nobody's in particular. */
  readonly sharer?: string | undefined;
}

/**
 * Streams are endless; "heartbeat" is what they give when nothing else came for a while. A stream that is not read waits,
 * and keeps no more than its bounds.
 */
export interface LiveHub extends Stage {
  /** The window, whole at first, then whenever a figure changed, at most every interval. */
  windows(question: WindowQuestion, options: LiveOptions): AsyncIterable<WindowUpdate | "heartbeat">;
  /** Events that are appended from now on, or after the given place; the first update, at once, tells the place. */
  tail(question: LiveQuestion, options: LiveOptions): AsyncIterable<TailUpdate | "heartbeat">;
  /** Ends the reading of the log; the streams' own signals must have ended them. */
  close(): Promise<void>;
}
