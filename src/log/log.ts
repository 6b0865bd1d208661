import type { Stage } from "../domain/health.ts";
import type { Block, RecordParts } from "../domain/record/block.ts";

/** What a record is known by, and its bytes. */
export interface LogRecord {
  readonly project: string;
  readonly userId: string;
  /** Identity together with project and user_id; never empty. */
  readonly id: string;
  /** When the server received it, in milliseconds since 1970. */
  readonly receivedMs: number;
  /** The request that brought it; empty where there is none. */
  readonly requestId: string;
  /** traceparent of the call that brought it; absent where that is not traced. */
  readonly trace?: string;
  /** The analytics.v1.Record in binary, in pieces. */
  readonly value: RecordParts;
}

/** What became of each record of an append, in its order. */
export interface AppendResult {
  readonly partitions: Uint16Array;
  /** Offset of the record, or of its first copy where it is a duplicate. */
  readonly offsets: Float64Array;
  /** 1 where the identity was there already, else 0. */
  readonly duplicates: Uint8Array;
  /** How many are duplicates. */
  readonly duplicateCount: number;
}

export interface AppendOptions {
  /**
   * Whether it may go before larger appends that came earlier and wait for their answers as well, so that a few records do
   * not wait for thousands. Nothing goes before queued records. Default false: in order.
   */
  readonly overtakes?: boolean;
}

/** What both sides of a log know of it. */
export interface LogSide extends Stage {
  /** Identity of this log, new whenever one is created or restored. */
  readonly logId: string;
  /** Number of partitions, fixed when the log is created. */
  readonly partitions: number;
}

/**
 * The side of a log that takes records. It decides what is a duplicate: identity is (project, user_id, id), the first one
 * wins. Partition of a record: domain/partition over its user_id.
 */
export interface LogAppender extends LogSide {
  /**
   * Appends records; answers when each is durable, and for a duplicate when its first copy is.
   *
   * @throws WeirError RESOURCE_EXHAUSTED/QUEUE_FULL at once and with a retry delay when the queue has no room for the
   * whole append (nothing of it is taken); UNAVAILABLE/LOG_UNAVAILABLE after a failed write (outcome unknown).
   */
  append(records: readonly LogRecord[], options?: AppendOptions): Promise<AppendResult>;

  /**
   * Queues records without waiting until they are durable; they pass the same point as those of append, in order with them. A
   * write that fails later is counted (stats) and logged, not answered.
   *
   * @throws WeirError as append
   */
  enqueue(records: readonly LogRecord[]): void;

  /** Whether what waits is being written, as far as is known: false where that has failed and is being tried again. */
  getsThrough(): boolean;

  /** Stops taking records, writes what is queued, closes. */
  close(): Promise<void>;
}

/** Durable records of a partition that readers do not see yet: another program's transaction is open before them. */
export interface HeldBack {
  /** Offset behind the last of them. */
  readonly end: number;
  /** When the first of them was seen to be there, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/** The side of a log that gives records, by partition and offset. */
export interface LogReader extends LogSide {
  /** Offset of the first record still kept, for each partition. */
  starts(): readonly number[];
  /** Offset that the next durable record of each partition gets, but for those held back: readers see all before it. */
  ends(): readonly number[];
  /** By partition, where there are some. Absent: readers see what is durable at once. */
  heldBack?(): ReadonlyMap<number, HeldBack>;

  /**
   * Blocks of one partition from `offset` on, up to about `maxBytes` (at least one block where there is one). A block
   * that holds `offset` further in is given whole. Empty at the end of the log.
   */
  read(partition: number, offset: number, maxBytes: number): Promise<Block[]>;

  /** Calls `listener` after each durable write, until the returned function is called. */
  onAppend(listener: () => void): () => void;

  /** Stops reading, closes. */
  close(): Promise<void>;
}

/** The durable, partitioned log in one process, both sides of it. */
export interface EventLog extends LogAppender, LogReader {
  /**
   * Forgets blocks that lie wholly before `applied[partition]` and were made before `madeBeforeMs`; the last block of
   * each partition stays, so that its end is known. Answers how many blocks went.
   */
  trim(applied: readonly number[], madeBeforeMs: number): Promise<number>;

  /** Forgets ids received before `receivedBeforeMs`. Answers how many went. */
  forgetIds(receivedBeforeMs: number): Promise<number>;

  /** Stops taking records, writes what is queued, closes. */
  close(): Promise<void>;
}

/** A log that cannot be used as it stands: in use, made with other settings, broken. One line for the operator. */
export class LogStartError extends Error {
  override readonly name = "LogStartError";

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** A log that was created with another number of partitions than it shall be used with. */
export class PartitionCountError extends LogStartError {}
