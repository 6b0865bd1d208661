/**
 * The one LevelDB of the embedded log: opened once, owned by the main thread. Writes take turns, because after a failed
 * one LevelDB goes on writing behind the torn record, and what it then acknowledges is gone after a crash: so nothing is
 * written until it has been closed and opened again. Reads wait for that.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ClassicLevel } from "classic-level";
import { rootOf, WeirError } from "../../domain/errors.ts";
import { LogStartError } from "../log.ts";

export type Entry = [key: Uint8Array, value: Uint8Array];

/** Changes that are written together or not at all. Keys and values are copied as they are given. */
export interface WriteBatch {
  put(key: Uint8Array, value: Uint8Array): unknown;
  del(key: Uint8Array): unknown;
  readonly length: number;
}

export interface ScanOptions {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
  readonly reverse?: boolean;
  /** Most entries to answer. */
  readonly limit: number;
  /** About the most bytes to answer; one entry is always answered where there is one. */
  readonly maxBytes: number;
}

export interface LevelDatabase {
  /** Whether it can be written now. */
  readonly open: boolean;
  /** Why it was last closed after a failed write; empty if it never was. */
  readonly lastFailure: string;
  /** How often it was opened again after a failed write. */
  readonly reopened: number;

  /** Resolves when it can be written; rejects when it is closed for good or `signal` aborts. */
  whenOpen(signal?: AbortSignal): Promise<void>;

  /**
   * Reads at once, on this thread. A read that fails is treated as a failed write is.
   *
   * @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE while it is not open
   */
  getSync(key: Uint8Array): Uint8Array | undefined;
  /** The reads wait up to `readWaitMs` while it is being opened again. @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE */
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  scan(options: ScanOptions): Promise<Entry[]>;

  /** A new batch, to be filled and committed. @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE while it is not open */
  batch(): WriteBatch;
  /**
   * Writes a batch when its turn comes; a function makes the batch then, while no other write is under way. With
   * `sync` it is on disk when it resolves.
   *
   * @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE after a failed write (outcome unknown), and until it is open again
   */
  commit(batch: WriteBatch | (() => WriteBatch), options: { readonly sync: boolean }): Promise<void>;
  /** Durable when it resolves. @throws WeirError as commit */
  put(key: Uint8Array, value: Uint8Array): Promise<void>;
  /** Durable when it resolves. @throws WeirError as commit */
  delete(key: Uint8Array): Promise<void>;

  /** Frees the space of what was deleted between two keys. */
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>;

  /** Waits for the writes under way and closes for good. */
  close(): Promise<void>;
}

export interface LevelDatabaseOptions {
  readonly directory: string;
  /** Two of them may be in memory; opening after a crash reads one. Default 16 MiB. */
  readonly writeBufferBytes?: number;
  /** Cache of blocks read. Default 32 MiB. */
  readonly cacheBytes?: number;
  /** Size of a table file. Default 32 MiB. */
  readonly maxFileBytes?: number;
  /** How long a read waits for the database to be opened again, in milliseconds. Default 10,000. */
  readonly readWaitMs?: number;
  /** Greatest pause between attempts to open again, in milliseconds; the first is 50 and each doubles. Default 2,000. */
  readonly maxReopenDelayMs?: number;
  /** Called when a write has failed, and after each attempt to open again that failed too. */
  readonly onFailure?: (error: unknown) => void;
  /** Called when it has been opened again, with the milliseconds that it was not open. */
  readonly onReopen?: (ms: number) => void;
}

const mib = 1024 ** 2;
const firstReopenDelayMs = 50;
/** What a caller that is refused should wait before it tries again. */
const unavailableRetryMs = 1000;

/** @throws LogStartError when the directory is in use, not accessible or broken */
export async function openLevelDatabase(options: LevelDatabaseOptions): Promise<LevelDatabase> {
  const { directory, readWaitMs = 10_000, maxReopenDelayMs = 2000 } = options;
  const db = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: false,
    writeBufferSize: options.writeBufferBytes ?? 16 * mib,
    cacheSize: options.cacheBytes ?? 32 * mib,
    maxFileSize: options.maxFileBytes ?? 32 * mib,
  });
  try {
    await db.open();
  } catch (error) {
    throw startError(directory, error);
  }

  let status: "open" | "failed" | "closed" = "open";
  let lastFailure = "";
  let reopened = 0;
  let reopening: Promise<void> | undefined;
  let lastWrite: Promise<void> = Promise.resolve();
  const closing = new AbortController();
  const waiting = new Set<() => void>();

  function changed(): void {
    for (const wake of [...waiting]) wake();
  }

  function unavailable(cause?: unknown): WeirError {
    const why = status === "closed" ? "the log is closed" : `the log cannot be written: ${lastFailure}`;
    return new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", why, { retryDelayMs: unavailableRetryMs, cause });
  }

  function fail(error: unknown): void {
    if (status !== "open") return;
    status = "failed";
    lastFailure = messageOf(error);
    reopening = reopen(error);
  }

  async function reopen(failure: unknown): Promise<void> {
    const since = performance.now();
    options.onFailure?.(failure);
    for (
      let pause = firstReopenDelayMs;
      !closing.signal.aborted;
      pause = Math.min(2 * pause, maxReopenDelayMs)
    ) {
      try {
        await db.close();
        await db.open();
        break;
      } catch (error) {
        lastFailure = messageOf(error);
        options.onFailure?.(error);
        await delay(pause, undefined, { signal: closing.signal }).catch(() => {});
      }
    }
    if (closing.signal.aborted) return;
    reopening = undefined;
    status = "open";
    reopened++;
    options.onReopen?.(performance.now() - since);
    changed();
  }

  async function whenOpen(signal?: AbortSignal): Promise<void> {
    while (status === "failed" && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        waiting.add(wake);
        signal?.addEventListener("abort", wake);
      });
    }
    if (status !== "open") throw unavailable(signal?.reason);
  }

  /** Runs a read, again when the database was closed beneath it. */
  async function reading<T>(read: () => Promise<T>): Promise<T> {
    const end = performance.now() + readWaitMs;
    for (;;) {
      if (status !== "open") {
        await whenOpen(AbortSignal.timeout(Math.max(1, Math.ceil(end - performance.now()))));
      }
      const opening = reopened;
      try {
        return await read();
      } catch (error) {
        if (status === "open" && opening === reopened) throw unreadable(error);
        if (status === "closed") throw unavailable(error);
      }
    }
  }

  async function scan({ gte, lt, reverse = false, limit, maxBytes }: ScanOptions): Promise<Entry[]> {
    const iterator = db.iterator({ gte, lt, reverse, limit, highWaterMarkBytes: maxBytes });
    try {
      const entries: Entry[] = [];
      for (let bytes = 0; bytes < maxBytes && entries.length < limit; ) {
        const some = await iterator.nextv(limit - entries.length);
        if (some.length === 0) break;
        for (const [key, value] of some) bytes += key.length + value.length;
        entries.push(...some);
      }
      return entries;
    } finally {
      await iterator.close();
    }
  }

  function newBatch() {
    if (status !== "open") throw unavailable();
    return db.batch();
  }
  type Batch = ReturnType<typeof newBatch>;

  async function write(batch: WriteBatch | (() => WriteBatch), sync: boolean): Promise<void> {
    if (status !== "open") throw unavailable();
    try {
      const made = typeof batch === "function" ? batch() : batch;
      await (made as Batch).write({ sync });
    } catch (error) {
      // A batch begun before the database was opened again was never written.
      if ((error as { code?: string }).code !== "LEVEL_BATCH_NOT_OPEN") fail(error);
      throw unavailable(error);
    }
  }

  function commit(
    batch: WriteBatch | (() => WriteBatch),
    { sync }: { readonly sync: boolean },
  ): Promise<void> {
    const written = lastWrite.then(() => write(batch, sync));
    lastWrite = written.catch(() => {});
    return written;
  }

  return {
    get open() {
      return status === "open";
    },
    get lastFailure() {
      return lastFailure;
    },
    get reopened() {
      return reopened;
    },
    whenOpen,
    getSync(key) {
      if (status !== "open") throw unavailable();
      try {
        return db.getSync(key);
      } catch (error) {
        fail(error);
        throw unreadable(error);
      }
    },
    get: (key) => reading(() => db.get(key)),
    scan: (range) => reading(() => scan(range)),
    batch: newBatch,
    commit,
    put: (key, value) => commit(() => newBatch().put(key, value), { sync: true }),
    delete: (key) => commit(() => newBatch().del(key), { sync: true }),
    compactRange: (start, end) => reading(() => db.compactRange(start, end)),
    async close() {
      if (status === "closed") return;
      // Writes that have their turn still go through; a failed database takes none.
      await lastWrite;
      status = "closed";
      closing.abort();
      changed();
      await reopening;
      await db.close();
    },
  };
}

function unreadable(cause: unknown): WeirError {
  return new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", `the log cannot be read: ${messageOf(cause)}`, {
    retryDelayMs: unavailableRetryMs,
    cause,
  });
}

/** abstract-level says only that it is not open; why is in the cause. */
function messageOf(error: unknown): string {
  return rootOf(error).message;
}

function startError(directory: string, error: unknown): LogStartError {
  const { code, message } = rootOf(error);
  return code === "LEVEL_LOCKED"
    ? new LogStartError(
        `${directory} is in use by another process: a data directory serves one at a time`,
        error,
      )
    : new LogStartError(`${directory}: the log cannot be opened: ${message}`, error);
}
