import { statSync } from "node:fs";
import { resolve } from "node:path";
import { WeirError } from "../../domain/errors.ts";
import type { Block } from "../../domain/record/block.ts";
import { defaultKeyColumnLimits, type KeyColumnLimits } from "../apply/census.ts";
import type { DeadLetterStore, StoredDeadLetter } from "../dead-letters.ts";
import { createSlots } from "../slots.ts";
import { isLetterAt, type LetterStarts, planDeadLetters, planLettersFrom } from "../sql/dead-letters.ts";
import { render, sql } from "../sql/fragment.ts";
import { planQuestion } from "../sql/question.ts";
import { planSequence } from "../sql/sequences/plan.ts";
import type { AskOptions, EventStore, IdKeeper } from "../store.ts";
import type { IdOptions } from "./copies.ts";
import { createDuckdbEngine } from "./engine.ts";
import { createExports } from "./exports/exports.ts";
import { startWorker } from "./link.ts";
import { askAtPresentLayout } from "./present-layout.ts";

export interface DuckdbStoreOptions {
  /** The database file; made where it does not exist. Beside it stand its write-ahead file and exports on their way. */
  readonly path: string;
  /** What DuckDB may use for its buffers, such as 1GiB; not a bound of the whole process. Default 1GiB. */
  readonly memoryLimit?: string;
  /** Threads of one query. Default 2. */
  readonly threads?: number;
  /**
   * Questions that run at once. Each holds a thread of libuv's pool, which the log's writes and exports need too: keep it
   * below UV_THREADPOOL_SIZE less 4. Default 2.
   */
  readonly maxQueries?: number;
  /** Questions that wait for their turn; more are refused. Default 64. */
  readonly maxWaitingQueries?: number;
  /** Which keys of properties and measures get a column of their own. */
  readonly keyColumns?: Partial<KeyColumnLimits>;
  /** Drops copies by a table of ids, over a log that does not drop all of them itself. Default: none are looked for. */
  readonly ids?: Omit<IdOptions, "dedupWindowMs"> & {
    /** Milliseconds after its first copy was received in which an event is a copy of it. Default Infinity. */
    readonly dedupWindowMs?: number;
  };
  /** Milliseconds since 1970. Default Date.now. */
  readonly now?: () => number;
  /** Told what the operator should know, such as a write-ahead file that was put aside. */
  readonly warn?: (message: string) => void;
}

export interface DuckdbStore extends EventStore, DeadLetterStore, IdKeeper {
  /**
   * The dead letters of all projects that stand at these positions of the log or behind them, page by page: those that
   * are committed when their page is read, and were not discarded.
   *
   * @param positions of each partition the first offset
   * @throws WeirError as ask
   */
  deadLettersFrom(
    positions: readonly number[],
    options: AskOptions,
  ): AsyncIterable<readonly StoredDeadLetter[]>;
}

/** Dead letters of a page, whose records may have a megabyte each. */
const lettersOfPage = 32;

/** Exports that work at once, each on a thread of libuv's pool; the others wait for their next piece. */
const runningExports = 2;

/** Those that were there before the column was have no time of their own. */
const letters = sql`
  SELECT "partition", "offset", project, reason, message, to_base64(record) AS record64,
    COALESCE(created_us, received_us) AS created_us, replayed_us
  FROM dead_letters`;

/**
 * The columnar store of one machine: DuckDB on a thread of its own.
 *
 * @throws StoreStartError
 */
export async function createDuckdbStore(options: DuckdbStoreOptions): Promise<DuckdbStore> {
  const { path, memoryLimit = "1GiB", threads = 2, maxQueries = 2, maxWaitingQueries = 64 } = options;
  const { now = Date.now, warn = () => {} } = options;
  const keyColumns = { ...defaultKeyColumnLimits, ...options.keyColumns };
  const ids = options.ids && { dedupWindowMs: Number.POSITIVE_INFINITY, ...options.ids };
  const exportsFolder = resolve(`${path}.exports`);
  const link = await startWorker({ path, exportsFolder, memoryLimit, threads, keyColumns, ids }, warn);
  const slots = createSlots({ maxRunning: maxQueries, maxWaiting: maxWaitingQueries, now });
  const ask = askAtPresentLayout(link, slots);
  // Exports have places of their own: a large file does not keep questions waiting.
  const exportSlots = createSlots({ maxRunning: runningExports, maxWaiting: maxWaitingQueries, now });
  let version = 0;
  let lastApplyMs: number | undefined;
  /** Why the last write failed, where it did for the store's sake; else empty. */
  let failed = "";

  async function write<T>(call: { readonly answer: Promise<T> }): Promise<T> {
    try {
      const answer = await call.answer;
      failed = "";
      return answer;
    } catch (error) {
      if (error instanceof WeirError && error.code === "UNAVAILABLE") failed = error.message;
      // Whether it was committed is not known here.
      version++;
      throw error;
    }
  }

  return {
    get logId() {
      return link.state.logId;
    },
    get version() {
      return version;
    },
    positions: () => link.state.positions,

    async bind(logId, partitions) {
      await write(link.call("bind", { logId, partitions }));
    },

    async apply(blocks) {
      const started = performance.now();
      const result = await write(link.call("apply", { blocks: blocks.map(withOwnBuffer) }));
      version++;
      lastApplyMs = performance.now() - started;
      return result;
    },

    foresee: (blocks) => link.foresee(blocks.map(withOwnBuffer)),

    async ask(question, asked) {
      const { plan, answer } = await ask(
        (engine) => planQuestion(engine, question),
        ({ statements }, layout) => link.call("query", { statements, layout }),
        asked,
      );
      return plan.read(answer.tables);
    },

    async trace(question, asked) {
      const { plan, answer } = await ask(
        (engine) => planSequence(engine, question),
        ({ feed, task }, layout) => link.call("sequence", { feed, task, layout }),
        asked,
      );
      return plan.read(answer.result, answer.dictionary);
    },

    export: createExports({ link, ask: askAtPresentLayout(link, exportSlots), folder: exportsFolder }),

    async deadLetters(question, asked) {
      const { plan, answer } = await ask(
        (engine) => planDeadLetters(engine, letters, question),
        ({ statements }, layout) => link.call("query", { statements, layout }),
        asked,
      );
      return plan.read(answer.tables);
    },

    async *deadLettersFrom(positions, asked) {
      let starts: LetterStarts = [...positions.entries()];
      while (starts.length > 0) {
        const { plan, answer } = await ask(
          (engine) => planLettersFrom(engine, letters, starts, lettersOfPage),
          ({ statements }, layout) => link.call("query", { statements, layout }),
          asked,
        );
        const page = plan.read(answer.tables);
        if (page.length > 0) yield page;
        if (page.length < lettersOfPage) return;
        const { partition: at, offset } = page.at(-1)!;
        const behind = starts.filter(([partition]) => partition > at);
        starts = [[at, offset + 1], ...behind];
      }
    },

    async discard(places, projects) {
      const engine = createDuckdbEngine(link.state.layout, link.state.users);
      const discard = sql`DELETE FROM dead_letters WHERE ${isLetterAt(places, projects)}`;
      return write(link.call("discard", { statement: render(discard, engine.placeholder) }));
    },

    async skipTo(starts) {
      await write(link.call("skipTo", { starts }));
    },

    async removeBefore(beforeUs, project) {
      const removed = await write(link.call("removeBefore", { beforeUs, project }));
      if (removed > 0) version++;
      return removed;
    },

    async forgetIds(receivedBeforeMs) {
      let forgotten = 0;
      for (let from: Uint8Array | undefined; ; ) {
        const step = await write(link.call("forgetIds", { receivedBeforeMs, from }));
        forgotten += step.ids;
        from = step.next;
        if (from === undefined) return forgotten;
      }
    },

    health() {
      const trouble = link.lost ?? failed;
      return { name: "store", status: trouble === "" ? "healthy" : "unhealthy", message: trouble };
    },

    stats() {
      const { rows, users } = link.state;
      return {
        engine: "duckdb",
        rows,
        users,
        version,
        fileBytes: fileBytes(path),
        walBytes: fileBytes(`${path}.wal`),
        lastApplyMs: lastApplyMs ?? null,
        queriesRunning: slots.running,
        queriesWaiting: slots.waiting,
        queriesRefused: slots.refused,
        exportsRunning: exportSlots.running,
        threadActiveMs: link.activeMs(),
      };
    },

    close: () => link.close(),
  };
}

/** Sending a view sends the whole buffer that it looks at. */
function withOwnBuffer(block: Block): Block {
  const { bytes } = block;
  return bytes.byteLength === bytes.buffer.byteLength ? block : { ...block, bytes: Uint8Array.from(bytes) };
}

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
