import { WeirError } from "../../domain/errors.ts";
import type { AppendResult, LogRecord } from "../log.ts";
import type { Answer, Append } from "./append.ts";
import { createLane, type Lane } from "./lane.ts";

export interface QueueLimits {
  /** Most records that may wait or be on their way. */
  readonly maxEvents: number;
  /** Most bytes of them. */
  readonly maxBytes: number;
}

/** Appends on their way to groups, bounded in records and bytes until each is answered. */
export interface AppendQueue {
  /** Records taken and not yet answered. */
  readonly events: number;
  readonly bytes: number;
  /** Appends for which there was no room, by the bound that they met first. */
  readonly refused: { readonly events: number; readonly bytes: number };
  /** Small ones that may overtake. */
  readonly express: Lane;
  readonly ordinary: Lane;
  /** Whether any append has records in no group yet. */
  readonly isWaiting: boolean;
  /**
   * Takes a call's records, all or none.
   *
   * @throws WeirError RESOURCE_EXHAUSTED/QUEUE_FULL when there is no room for them
   */
  take(records: readonly LogRecord[], retryDelayMs: () => number): Append;
  /**
   * As take, for a call that waits: the promise settles with the append.
   *
   * @param overtakes whether it may go before others whose callers wait as well
   */
  takeAnswered(
    records: readonly LogRecord[],
    retryDelayMs: () => number,
    overtakes: boolean,
  ): Promise<AppendResult>;
  /** Gives an append's room back. */
  release(append: Append): void;
  /** Removes and answers all that are in no group yet, or in part. */
  drain(): Append[];
}

/** Most records of an append that overtakes. */
const mostOvertaking = 64;

export function createAppendQueue(limits: QueueLimits): AppendQueue {
  const express = createLane();
  const ordinary = createLane();
  let events = 0;
  let bytes = 0;
  const refused = { events: 0, bytes: 0 };

  function take(
    records: readonly LogRecord[],
    retryDelayMs: () => number,
    answer: Answer | undefined,
    overtakes: boolean,
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
    // Whoever got no answer may have sent this one after it.
    const isExpress = overtakes && records.length <= mostOvertaking && ordinary.unanswered === 0;
    (isExpress ? express : ordinary).push(append);
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
    express,
    ordinary,
    get isWaiting() {
      return express.head() !== undefined || ordinary.head() !== undefined;
    },
    take: (records, retryDelayMs) => take(records, retryDelayMs, undefined, false),
    takeAnswered: (records, retryDelayMs, overtakes) =>
      new Promise((resolve, reject) => {
        const answer = {
          partitions: new Uint16Array(records.length),
          offsets: new Float64Array(records.length),
          duplicates: new Uint8Array(records.length),
          duplicateCount: 0,
          resolve,
          reject,
        };
        take(records, retryDelayMs, answer, overtakes);
      }),
    release(append) {
      events -= append.records.length;
      bytes -= append.bytes;
    },
    drain: () => [...express.drain(), ...ordinary.drain()],
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
