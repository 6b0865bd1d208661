import { randomBytes } from "node:crypto";
import { createIdHasher } from "../../domain/ids.ts";
import { BrokenBlockError } from "../../domain/record/block.ts";
import { createWriter, type Flush, type WriteFailure } from "../commit/writer.ts";
import { type EventLog, LogStartError } from "../log.ts";
import type { LevelDatabase } from "./database.ts";
import { createGroup } from "./group.ts";
import { loadIdentity } from "./identity.ts";
import { createPlacement } from "./placement.ts";
import { createPositions } from "./positions.ts";
import { readBlocks } from "./reader.ts";
import { createUpkeep } from "./upkeep.ts";

export type { Flush, WriteFailure } from "../commit/writer.ts";

export interface LevelLogOptions {
  /** Opened by the caller and closed by it, after the log. */
  readonly database: LevelDatabase;
  /** 1 to 1,024; must be what the log was created with. */
  readonly partitions: number;
  /** Milliseconds since its received time after which an id is taken for a new one. Default Infinity. */
  readonly dedupWindowMs?: number;
  /** Most records that wait for the disk; beyond it QUEUE_FULL. Default 100,000. */
  readonly maxQueueEvents?: number;
  /** Most bytes of them. Default 64 MiB. */
  readonly maxQueueBytes?: number;
  /** A write takes at most this many records, default 4,096 … */
  readonly maxGroupEvents?: number;
  /** … and ends with the record that reaches this size, default 4 MiB. */
  readonly maxGroupBytes?: number;
  /** Once this many bytes of trimmed blocks have gathered, their space is freed. Default 64 MiB. */
  readonly compactBytes?: number;
  /** Milliseconds since 1970. Default Date.now. */
  readonly now?: () => number;
  /** Default node:crypto's. */
  readonly randomBytes?: (length: number) => Uint8Array;
  /** Called after each write, for metrics. */
  readonly onFlush?: (flush: Flush) => void;
  /** Called after each failed write. */
  readonly onWriteFailure?: (failure: WriteFailure) => void;
}

const maxPartitions = 1024;
const mib = 1024 ** 2;

/**
 * The embedded log: durable, partitioned, exact about duplicates, in one LevelDB with the small state.
 *
 * @throws LogStartError when the log was created with other settings or its last block is broken
 */
export async function createLevelLog(options: LevelLogOptions): Promise<EventLog> {
  const { database, partitions } = options;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > maxPartitions) {
    throw new RangeError(`a log has 1 to ${maxPartitions} partitions, not ${partitions}`);
  }
  const identity = await loadIdentity(database, partitions, options.randomBytes ?? randomBytes);
  const positions = createPositions(database, partitions);
  await positions.load().catch((error: unknown) => {
    if (!(error instanceof BrokenBlockError)) throw error;
    throw new LogStartError(`the log is broken, its last block cannot be read: ${error.message}`, error);
  });

  const listeners = new Set<() => void>();
  let closed = false;
  const now = options.now ?? Date.now;
  const groupOptions = {
    database,
    maxGroupEvents: options.maxGroupEvents ?? 4096,
    maxGroupBytes: options.maxGroupBytes ?? 4 * mib,
    setEnd: positions.setEnd,
  };
  const writer = createWriter({
    maxQueueEvents: options.maxQueueEvents ?? 100_000,
    maxQueueBytes: options.maxQueueBytes ?? 64 * mib,
    newGroup: () => createGroup(groupOptions),
    place: createPlacement({
      database,
      positions,
      partitions,
      hashId: createIdHasher(identity.idSecret),
      dedupWindowMs: options.dedupWindowMs ?? Number.POSITIVE_INFINITY,
      now,
    }),
    write(group) {
      group.seal(now());
      return database.commit(group.batch, { sync: true });
    },
    async recover(signal) {
      await database.whenOpen(signal);
      await positions.load();
    },
    onFlush: options.onFlush ?? (() => {}),
    onWriteFailure: options.onWriteFailure ?? (() => {}),
    onAppend: () => {
      for (const listener of listeners) listener();
    },
  });
  const upkeep = createUpkeep({
    database,
    positions,
    compactBytes: options.compactBytes ?? 64 * mib,
    stopped: () => closed,
  });
  /** Trimming and forgetting take turns. */
  let kept: Promise<unknown> = Promise.resolve();
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = kept.then(work);
    kept = done.catch(() => {});
    return done;
  }

  return {
    logId: identity.logId,
    partitions,
    append: writer.append,
    enqueue: writer.enqueue,
    getsThrough: () => writer.failure === undefined,
    starts: () => positions.starts.slice(),
    ends: () => positions.ends.slice(),
    read: (partition, offset, maxBytes) => readBlocks(database, positions, partition, offset, maxBytes),
    onAppend(listener) {
      // Of its own, so that a function given twice is called twice, and ended one at a time.
      const own = () => listener();
      listeners.add(own);
      return () => listeners.delete(own);
    },
    trim: (applied, madeBeforeMs) => inTurn(() => upkeep.trim(applied, madeBeforeMs)),
    forgetIds: (receivedBeforeMs) => inTurn(() => upkeep.forgetIds(receivedBeforeMs)),
    health() {
      const { failure } = writer;
      if (failure !== undefined) return { name: "log", status: "unhealthy", message: failure.message };
      return database.open
        ? { name: "log", status: "healthy", message: "" }
        : { name: "log", status: "unhealthy", message: `the log cannot be written: ${database.lastFailure}` };
    },
    stats: () => ({
      ...writer.stats(),
      reopened: database.reopened,
      partitions,
      starts: positions.starts.slice(),
      ends: positions.ends.slice(),
    }),
    async close() {
      closed = true;
      await writer.close();
      await kept;
    },
  };
}
