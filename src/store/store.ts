import type { Stage } from "../domain/health.ts";
import type { Principal } from "../domain/principal.ts";
import type { Block } from "../domain/record/block.ts";
import type { DeadLetter } from "../domain/record/dead-letter.ts";
import type { ExportQuestion } from "./exports.ts";
import type { AnswerTo, Question } from "./questions.ts";
import type { SequenceAnswer, SequenceQuestion } from "./sequences.ts";

/** What applying blocks did. */
export interface ApplyResult {
  /** Rows added. */
  readonly applied: number;
  readonly deadLetters: number;
  /** Copies dropped, where the log itself does not drop them. */
  readonly duplicates: number;
  /** Rows, dead letters and duplicates by project, for the metrics. */
  readonly byProject: ReadonlyMap<string, { applied: number; deadLetters: number; duplicates: number }>;
  /** The dead letters themselves; of bytes no more than the blocks have. */
  readonly setAside: readonly DeadLetter[];
  /** Dead letters by project and reason. */
  readonly deadLetterReasons: readonly { project: string; reason: string; count: number }[];
  /** traceparents of the sampled calls that brought rows and dead letters, each once; a bounded number of them. */
  readonly traces: readonly string[];
  /** When the server received the oldest row, in milliseconds since 1970; absent without rows. */
  readonly oldestReceivedMs?: number;
}

export interface AskOptions {
  /** Interrupts the question's work. */
  readonly signal: AbortSignal;
  /** In milliseconds of Date.now(). */
  readonly deadline: number;
  /** traceparent of the span that asks; absent where it is not traced. */
  readonly trace?: string | undefined;
  /** Who asks, whose share of the store it takes; absent: nobody in particular. */
  readonly principal?: Principal | undefined;
}

/** The columnar store: applies blocks of the log exactly once, and answers questions. */
export interface EventStore extends Stage {
  /** Id of the log whose blocks it holds; undefined while it is new. */
  readonly logId: string | undefined;
  /** Binds a new store to a log. Durable when it resolves. */
  bind(logId: string, partitions: number): Promise<void>;

  /** For each partition the offset of the next record to apply; all before it are visible to questions. */
  positions(): readonly number[];
  /** Grows whenever what questions see changes. */
  readonly version: number;

  /**
   * Applies blocks, each of which begins at (or holds) its partition's position; records before it are passed over.
   * Rows, dead letters and positions are committed in one step: after a crash all of them are there, or none.
   *
   * @throws BrokenBlockError when a block is not whole or leaves a gap: nothing of the call is applied.
   * @throws WeirError UNAVAILABLE/STORE_UNAVAILABLE when the store cannot write now; the same blocks may come again.
   */
  apply(blocks: readonly Block[]): Promise<ApplyResult>;
  /**
   * Told what is likely to be applied next, so that it can be read while what comes before it is written. Changes nothing.
   * Absent where that is of no use.
   */
  foresee?(blocks: readonly Block[]): void;

  /**
   * @throws WeirError DEADLINE_EXCEEDED, CANCELLED, RESOURCE_EXHAUSTED/TOO_MANY_REQUESTS when too many questions wait,
   * UNAVAILABLE/STORE_UNAVAILABLE
   */
  ask<Q extends Question>(question: Q, options: AskOptions): Promise<AnswerTo<Q>>;

  /** As ask, for questions about the order of a user's events. */
  trace<Q extends SequenceQuestion>(question: Q, options: AskOptions): Promise<SequenceAnswer<Q>>;

  /**
   * The bytes of a file, in pieces of at most maxPieceBytes, made as they are read: of all the selection's events that
   * are visible when it is called.
   *
   * @throws WeirError as ask; ABORTED/ROWS_REMOVED where events were removed before the export reached them
   */
  export(question: ExportQuestion, options: AskOptions): AsyncIterable<Uint8Array>;

  /** Moves positions forward where the log no longer has the records before `starts` (--rebuild-store). */
  skipTo(starts: readonly number[]): Promise<void>;

  /** Removes a project's rows (every project's where absent) with a timestamp before `beforeUs`. Answers how many. */
  removeBefore(beforeUs: number, project?: string): Promise<number>;

  /** Writes what is in its write-ahead file to its main file, and closes. */
  close(): Promise<void>;
}

/** A store that drops copies itself, where the log knows only the latest ids. */
export interface IdKeeper {
  /**
   * Forgets ids received before `receivedBeforeMs`, of partitions that this process has applied something of, as far as
   * what they have still to apply cannot need them. Answers how many went.
   *
   * @throws WeirError UNAVAILABLE/STORE_UNAVAILABLE
   */
  forgetIds(receivedBeforeMs: number): Promise<number>;
}

/** A store that cannot be used as it stands: in use, newer than this program, not a store. One line for the operator. */
export class StoreStartError extends Error {
  override readonly name = "StoreStartError";

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
