import type { WeirError } from "../../domain/errors.ts";
import type { AppendResult, LogRecord } from "../log.ts";

/** What one write takes: the records of several calls, or of a part of one. */
export interface Group {
  readonly count: number;
  /** Bytes of the records. */
  readonly bytes: number;
  /** Whether it can take no more. */
  readonly full: boolean;
  /** Whether it is written. */
  readonly durable: boolean;
  /** Appends that are answered when it is written. */
  readonly waiting: Append[];
  /** Marks it as written, once it is. */
  settle(): void;
}

/** One call's records on their way to where they are durable. */
export interface Append {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  /** Index of the first record that is in no group yet. */
  next: number;
  /** The last group that it waits for: its own records', or the first copies' of its duplicates. */
  group: Group | undefined;
  /** Absent for a call that waits for no answer. */
  readonly answer: Answer | undefined;
}

export interface Answer {
  readonly partitions: Uint16Array;
  readonly offsets: Float64Array;
  readonly duplicates: Uint8Array;
  duplicateCount: number;
  resolve(result: AppendResult): void;
  reject(error: WeirError): void;
}
