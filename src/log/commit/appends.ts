import { WeirError } from "../../domain/errors.ts";
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

export interface QueueLimits {
  /** Most records that may wait or be on their way. */
  readonly maxEvents: number;
  /** Most bytes of them. */
  readonly maxBytes: number;
}

/** Appends in the order in which they came, bounded in records and bytes until each is answered. */
export interface AppendQueue {
  /** Records taken and not yet answered. */
  readonly events: number;
  readonly bytes: number;
  /** Appends for which there was no room, by the bound that they met first. */
  readonly refused: { readonly events: number; readonly bytes: number };
  /**
   * Takes a call's records, all or none.
   *
   * @throws WeirError RESOURCE_EXHAUSTED/QUEUE_FULL when there is no room for them
   */
  take(records: readonly LogRecord[], retryDelayMs: () => number): Append;
  /** As take, for a call that waits: the promise settles with the append. */
  takeAnswered(records: readonly LogRecord[], retryDelayMs: () => number): Promise<AppendResult>;
  /** The first append that has records in no group yet. */
  head(): Append | undefined;
  /** Removes the head, whose records are all in groups now. */
  shift(): void;
  /** Gives an append's room back. */
  release(append: Append): void;
  /** Removes and answers all that are in no group yet, or in part. */
  drain(): Append[];
}

/** From this many removed appends on, their places in the array are freed. */
const compactFrom = 1024;

export function createAppendQueue(limits: QueueLimits): AppendQueue {
  let appends: Append[] = [];
  let first = 0;
  let events = 0;
  let bytes = 0;
  const refused = { events: 0, bytes: 0 };

  function take(
    records: readonly LogRecord[],
    retryDelayMs: () => number,
    answer: Answer | undefined,
  ): Append {
    const size = byteLength(records);
    const tooMany = events + records.length > limits.maxEvents;
    if (tooMany || bytes + size > limits.maxBytes) {
      refused[tooMany ? "events" : "bytes"]++;
      throw new WeirError(
        "RESOURCE_EXHAUSTED",
        "QUEUE_FULL",
        `${events} events (${bytes} bytes) wait for the log: no room for ${records.length} more (${size} bytes)`,
        { retryDelayMs: retryDelayMs() },
      );
    }
    events += records.length;
    bytes += size;
    const append: Append = { records, bytes: size, next: 0, group: undefined, answer };
    appends.push(append);
    return append;
  }

  return {
    get events() {
      return events;
    },
    get bytes() {
      return bytes;
    },
    refused,
    take: (records, retryDelayMs) => take(records, retryDelayMs, undefined),
    takeAnswered: (records, retryDelayMs) =>
      new Promise((resolve, reject) => {
        take(records, retryDelayMs, {
          partitions: new Uint16Array(records.length),
          offsets: new Float64Array(records.length),
          duplicates: new Uint8Array(records.length),
          duplicateCount: 0,
          resolve,
          reject,
        });
      }),
    head: () => appends[first],
    shift() {
      first++;
      if (first >= compactFrom && 2 * first >= appends.length) {
        appends = appends.slice(first);
        first = 0;
      }
    },
    release(append) {
      events -= append.records.length;
      bytes -= append.bytes;
    },
    drain() {
      const rest = appends.slice(first);
      appends = [];
      first = 0;
      return rest;
    },
  };
}

function byteLength(records: readonly LogRecord[]): number {
  let bytes = 0;
  for (const { value } of records) {
    let length = 0;
    for (const part of value) length += part.length;
    // A block keeps the offset of a removed record as one without bytes.
    if (length === 0) throw new TypeError("a record has at least one byte");
    bytes += length;
  }
  return bytes;
}
