import type { DeadLetter } from "../../domain/record/dead-letter.ts";
import type { StartWait } from "../../domain/start-wait.ts";
import type { KeyColumnLimits } from "../apply/census.ts";
import type { DeadLetterStore } from "../dead-letters.ts";
import type { EventStore, IdKeeper } from "../store.ts";
import type { Arbiter } from "./arbiter.ts";
import type { Ledger } from "./ledger.ts";

export interface ClickhouseStoreOptions {
  /** clickhouse://user:password@host:8123/database */
  readonly url: string;
  readonly arbiter: Arbiter;
  /**
   * Of each partition the offset of the first record that the log has now, asked before one is taken over. Default: 0 of
   * each.
   */
  readonly logStarts?: () => Promise<readonly number[]>;
  /** Keys the hashes of ids. */
  readonly idSecret: Uint8Array;
  /** Milliseconds since its first copy was received after which an id is taken for a new one. Default Infinity. */
  readonly dedupWindowMs?: number;
  /**
   * Given the dead letters of an apply, where there are some, before its positions are committed: at least once, however
   * often it fails. Where it fails the apply does.
   */
  readonly beforeCommit?: (deadLetters: readonly DeadLetter[]) => Promise<void>;
  /**
   * Runs what changes the answers without a commit: a removal of rows, a fence that hides some. Others are to hear of it.
   * Default: it is run.
   */
  readonly changing?: <T>(change: () => Promise<T>) => Promise<T>;
  /** Questions that run at once. Default 4. */
  readonly maxQueries?: number;
  /** Questions that wait for their turn; more are refused. Default 64. */
  readonly maxWaitingQueries?: number;
  /** After which the server ends an insert, in milliseconds; a fence stays open twice as long. Default 30,000. */
  readonly insertTimeoutMs?: number;
  /** How long to wait for the server at the start, in milliseconds. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** Told while it waits for it. Default: nobody. */
  readonly wait?: StartWait;
  /** Aborted where what is under way is given up, as a crash would, and all that comes. Default: never. */
  readonly givenUp?: AbortSignal;
  /** Which keys of properties and measures get a column of their own. */
  readonly keyColumns?: Partial<KeyColumnLimits>;
  /** Milliseconds since 1970. Default Date.now. */
  readonly now?: () => number;
}

/** The columnar store of many machines. */
export interface ClickhouseStore extends EventStore, DeadLetterStore, IdKeeper {
  /**
   * Takes partitions over, to apply their blocks from positions() on; apply does it too, for those that are not held.
   *
   * @throws WeirError FAILED_PRECONDITION where the group's offset of one has expired, is another store's, or the log
   *   begins beyond it; UNAVAILABLE
   */
  takeOver(partitions: readonly number[]): Promise<void>;
  /** Another process applies these from now on. What was committed of them is noted before, as far as there is time. */
  release(partitions: readonly number[]): Promise<void>;
  /** Notes in the store what was committed of held partitions. */
  notePositions(): Promise<void>;
  /** What the store says itself of who applies the log to it. */
  readonly ledger: Omit<Ledger, "note">;
  /**
   * What the group has committed by now: of each partition the next offset, which holds for those that this process does
   * not hold. One goes back where an operator has reset it: its records are applied anew.
   */
  noteApplied(positions: readonly number[]): void;
  /** What questions see was changed by another process, in a way that its commits do not tell. */
  noteChanged(): void;
  /** Closes the fences of held partitions that are old enough; answers how many fences are open. */
  closeFences(): Promise<number>;
  /** Whether no removal of rows goes on, whoever began it. */
  isSettled(): Promise<boolean>;
}
