/** Records of the log that could not be applied: a table of the store, each known by where it stands on the log. */
import type { DeadLetter, DeadLetterPlace } from "../domain/record/dead-letter.ts";
import type { AskOptions } from "./store.ts";

/** Times are microseconds since 1970. */
export interface StoredDeadLetter extends DeadLetter {
  /** When it became a dead letter. */
  readonly createdUs: number;
  /** When its replay was read from the log; absent: it was not. */
  readonly replayedUs?: number;
}

/** Where a page goes on. */
export interface DeadLetterCursor extends DeadLetterPlace {
  readonly createdUs: number;
}

export interface DeadLetterQuestion {
  /** Only those of these projects. */
  readonly projects: readonly string[];
  readonly reason?: string;
  /** Only those at these places. */
  readonly places?: readonly DeadLetterPlace[];
  readonly after?: DeadLetterCursor;
  readonly limit: number;
}

export interface DeadLetterStore {
  /** Newest first. @throws WeirError as EventStore.ask */
  deadLetters(question: DeadLetterQuestion, options: AskOptions): Promise<readonly StoredDeadLetter[]>;
  /**
   * Removes those at these places that belong to these projects. Answers how many.
   *
   * @throws WeirError UNAVAILABLE/STORE_UNAVAILABLE
   */
  discard(places: readonly DeadLetterPlace[], projects: readonly string[]): Promise<number>;
}
