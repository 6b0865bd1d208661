/**
 * Group commit: while one group is being written, the next one fills. Where a record goes, and whether it is a duplicate,
 * is settled as it is put into the filling group.
 *
 * After any failed write everybody who waits gets UNAVAILABLE, and nothing is taken until the log has found its way back:
 * what the failed write brought about, nobody knows before.
 */
import { setTimeout as delay } from "node:timers/promises";
import { WeirError } from "../../domain/errors.ts";
import type { AppendOptions, AppendResult, LogRecord } from "../log.ts";
import type { Append, Group } from "./append.ts";
import { createAppendQueue } from "./appends.ts";
import type { Lane } from "./lane.ts";

/** One group that was written. */
export interface Flush {
  readonly events: number;
  /** Bytes of the records. */
  readonly bytes: number;
  /** How long the write took, in milliseconds. */
  readonly ms: number;
}

export interface WriteFailure {
  readonly error: WeirError;
  /** Records whose callers were told. */
  readonly refused: number;
  /** Queued records that nobody waits for: they may be gone. */
  readonly lost: number;
}

/**
 * Finds the place of an append's next record: that of its first copy, in the filling group, in the one in flight or
 * among those written before, or else a new one in the filling group. Answers whether it is a duplicate.
 */
export type Place<G> = (append: Append, filling: G, inFlight: G | undefined) => boolean;

export interface WriterOptions<G extends Group> {
  readonly maxQueueEvents: number;
  readonly maxQueueBytes: number;
  readonly newGroup: () => G;
  readonly place: Place<G>;
  /** Resolves once the group is durable. Nothing else is written meanwhile. */
  readonly write: (group: G) => Promise<void>;
  /** After a failed write: resolves once groups can be written again. */
  readonly recover: (signal: AbortSignal) => Promise<void>;
  readonly onFlush: (flush: Flush) => void;
  readonly onWriteFailure: (failure: WriteFailure) => void;
  /** Called after each group that was written, once it is settled. */
  readonly onAppend: () => void;
}

export interface WriterStats {
  readonly appended: number;
  readonly duplicates: number;
  readonly queueEvents: number;
  readonly queueBytes: number;
  /** Appends refused, for the bound of events or of bytes. */
  readonly refusedForEvents: number;
  readonly refusedForBytes: number;
  readonly groups: number;
  readonly lastFlushMs: number;
  /** How long the write under way has taken so far; 0 where there is none. */
  readonly inFlightMs: number;
  readonly failedWrites: number;
  readonly lost: number;
}

export interface Writer {
  /** Why no records are taken, between a failed write and the way out of it; else undefined. */
  readonly failure: WeirError | undefined;
  append(records: readonly LogRecord[], options?: AppendOptions): Promise<AppendResult>;
  enqueue(records: readonly LogRecord[]): void;
  stats(): WriterStats;
  /** Takes no more and resolves when all that was taken is answered. */
  close(): Promise<void>;
}

/** Most records looked up in one turn of the event loop, each a few microseconds. */
const fillPerTurn = 512;
const retryDelays = { least: 20, most: 2000 };
/** Pause before the way back is tried again when it has failed. */
const recoverPauseMs = 1000;

export function createWriter<G extends Group>(options: WriterOptions<G>): Writer {
  const queue = createAppendQueue({ maxEvents: options.maxQueueEvents, maxBytes: options.maxQueueBytes });
  const closing = new AbortController();
  let filling: G | undefined;
  let inFlight: G | undefined;
  let inFlightSince = 0;
  let scheduled = false;
  let available = true;
  let lastError: WeirError | undefined;
  let flushed: Promise<void> = Promise.resolve();
  let recovering: Promise<void> = Promise.resolve();
  let whenIdle: (() => void) | undefined;

  let appended = 0;
  let duplicates = 0;
  let groups = 0;
  let lastFlush: Flush = { events: 0, bytes: 0, ms: 0 };
  let failedWrites = 0;
  let lost = 0;

  function check(): void {
    if (closing.signal.aborted) {
      throw new WeirError("UNAVAILABLE", "SHUTTING_DOWN", "the log is being closed", { retryDelayMs: 1000 });
    }
    if (!available) throw lastError!;
  }

  const inFlightMs = () => (inFlight === undefined ? 0 : performance.now() - inFlightSince);

  /** About the time that the queue takes to be written. */
  function retryDelayMs(): number {
    const flushes = queue.events / Math.max(1, lastFlush.events);
    const ms = Math.ceil(flushes * Math.max(lastFlush.ms, inFlightMs()));
    return Math.min(retryDelays.most, Math.max(retryDelays.least, ms));
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    // Not at once: calls that arrive in the same turn of the event loop share a group.
    setImmediate(pump);
  }

  function pump(): void {
    scheduled = false;
    if (!available) return;
    try {
      fill();
    } catch (error) {
      fail(error);
      return;
    }
    if (inFlight === undefined && filling !== undefined && filling.count > 0) flushing(filling);
    if (queue.isWaiting && !filling?.full) schedule();
    idle();
  }

  /** Small appends first, yet not so many that the others stand still. */
  function fill(): void {
    const left = fillFrom(queue.express, fillPerTurn / 2) + fillPerTurn / 2;
    fillFrom(queue.express, fillFrom(queue.ordinary, left));
  }

  /** Puts at most so many records of a lane into the filling group. Answers how many fewer they were. */
  function fillFrom(lane: Lane, most: number): number {
    for (let left = most; ; ) {
      const append = lane.head();
      if (append === undefined) return left;
      filling ??= options.newGroup();
      for (; append.next < append.records.length; append.next++, left--) {
        if (left <= 0 || filling.full) return left;
        if (options.place(append, filling, inFlight)) duplicates++;
      }
      lane.shift();
      if (append.group === undefined || append.group.durable) settle(append);
      else append.group.waiting.push(append);
    }
  }

  function settle(append: Append): void {
    queue.release(append);
    if (append.answer === undefined) return;
    const { partitions, offsets, duplicates, duplicateCount, resolve } = append.answer;
    resolve({ partitions, offsets, duplicates, duplicateCount });
  }

  function flushing(group: G): void {
    inFlight = group;
    inFlightSince = performance.now();
    filling = undefined;
    flushed = flush(group).then(pump, (error: unknown) => {
      // Else it was given up before.
      if (inFlight === group) fail(error);
    });
  }

  async function flush(group: G): Promise<void> {
    const { count, bytes } = group;
    await options.write(group);
    if (inFlight !== group) return;
    lastFlush = { events: count, bytes, ms: inFlightMs() };
    inFlight = undefined;
    group.settle();
    groups++;
    appended += count;
    for (const append of group.waiting) settle(append);
    options.onFlush(lastFlush);
    options.onAppend();
  }

  function fail(cause: unknown): void {
    if (!available) return;
    const error = cause instanceof WeirError ? cause : unavailable(cause);
    available = false;
    failedWrites++;
    lastError = error;
    const given = new Set([...(inFlight?.waiting ?? []), ...(filling?.waiting ?? []), ...queue.drain()]);
    inFlight = undefined;
    filling = undefined;
    let refused = 0;
    let gone = 0;
    for (const append of given) {
      queue.release(append);
      if (append.answer === undefined) gone += append.records.length;
      else refused += append.records.length;
      append.answer?.reject(error);
    }
    lost += gone;
    recovering = recover();
    options.onWriteFailure({ error, refused, lost: gone });
    idle();
  }

  async function recover(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        // A write that was given up may still be under way.
        await flushed;
        await options.recover(closing.signal);
        available = true;
        return;
      } catch (error) {
        if (closing.signal.aborted) return;
        lastError = error instanceof WeirError ? error : unavailable(error);
        await delay(recoverPauseMs, undefined, { signal: closing.signal }).catch(() => {});
      }
    }
  }

  function idle(): void {
    if (queue.events === 0) whenIdle?.();
  }

  return {
    get failure() {
      return available ? undefined : lastError;
    },
    append(records, { overtakes = false } = {}) {
      try {
        check();
        const result = queue.takeAnswered(records, retryDelayMs, overtakes);
        schedule();
        return result;
      } catch (error) {
        return Promise.reject(error);
      }
    },
    enqueue(records) {
      check();
      queue.take(records, retryDelayMs);
      schedule();
    },
    stats: () => ({
      appended,
      duplicates,
      queueEvents: queue.events,
      queueBytes: queue.bytes,
      refusedForEvents: queue.refused.events,
      refusedForBytes: queue.refused.bytes,
      groups,
      lastFlushMs: lastFlush.ms,
      inFlightMs: inFlightMs(),
      failedWrites,
      lost,
    }),
    async close() {
      closing.abort();
      if (queue.events > 0) {
        await new Promise<void>((resolve) => {
          whenIdle = resolve;
        });
      }
      await recovering;
    },
  };
}

function unavailable(cause: unknown): WeirError {
  return new WeirError(
    "UNAVAILABLE",
    "LOG_UNAVAILABLE",
    `the log cannot be written: ${(cause as Error).message}`,
    {
      retryDelayMs: 1000,
      cause,
    },
  );
}
