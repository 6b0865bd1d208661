import { WeirError } from "../../domain/errors.ts";
import { createIdHasher } from "../../domain/ids.ts";
import { maskPassword } from "../../domain/secrets.ts";
import { defaultKeyColumnLimits } from "../apply/census.ts";
import { createForgetting } from "../apply/forgetting.ts";
import { createSlots } from "../slots.ts";
import { StoreStartError } from "../store.ts";
import { type Connection, createConnection } from "./connection.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { createClickhouseEngine } from "./engine.ts";
import { createExports } from "./exports.ts";
import { messageOf, unavailable } from "./failures.ts";
import { createFences } from "./fences.ts";
import { forgetIdsFrom } from "./ids.ts";
import { createInserts } from "./inserts.ts";
import { createKeyColumns } from "./key-columns.ts";
import type { Layout } from "./layout.ts";
import { createLedger } from "./ledger.ts";
import { readBinding, writeBinding } from "./meta.ts";
import { checkSchema } from "./migrate.ts";
import { createNotes } from "./notes.ts";
import type { ClickhouseStore, ClickhouseStoreOptions } from "./options.ts";
import { createOwnership } from "./ownership.ts";
import { createReader } from "./reader.ts";
import { forgetIds, isSettled, removeRows } from "./removal.ts";
import { createRowCount } from "./row-count.ts";
import { createStanding } from "./standing.ts";
import { untilReached } from "./start.ts";
import { parseUrl } from "./url.ts";
import { createWriter } from "./writer.ts";
import { createWrites } from "./writes.ts";

export type { ClickhouseStore, ClickhouseStoreOptions } from "./options.ts";

/** How long another process's new columns stay unknown here, which costs time only. In milliseconds. */
const layoutAgeMs = 60_000;
const defaultMaxQueries = 4;
/** How long others wait at most for what is noted of partitions that they take over, in milliseconds. */
const releaseMs = 2000;
/** Connections beside those of the questions: a write, its look-up, a removal, whether one goes on, an end of a query. */
const otherConnections = 5;

/**
 * @throws StoreStartError where the server cannot be reached, or the schema is not this program's
 */
export async function createClickhouseStore(options: ClickhouseStoreOptions): Promise<ClickhouseStore> {
  const { url, maxQueries = defaultMaxQueries } = options;
  const connection = createConnection({
    url: parseUrl(url).http,
    maxConnections: maxQueries + otherConnections,
    ...(options.givenUp ? { givenUp: options.givenUp } : {}),
  });
  try {
    const { startTimeoutMs = 30_000, wait } = options;
    const open = async () => {
      await checkSchema(connection, url);
      return openClickhouseStore(connection, options).catch((error: unknown) => {
        throw new StoreStartError(`${maskPassword(url)} cannot be opened: ${messageOf(error)}`, error);
      });
    };
    return await untilReached(startTimeoutMs, open, wait);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** As createClickhouseStore, over a connection to a database that has the schema. Closing the store closes it. */
export async function openClickhouseStore(
  connection: Connection,
  options: Omit<ClickhouseStoreOptions, "url" | "startTimeoutMs" | "wait" | "givenUp">,
): Promise<ClickhouseStore> {
  const { arbiter, idSecret, maxQueries = defaultMaxQueries, maxWaitingQueries = 64 } = options;
  const { changing = (change) => change(), logStarts = async () => [] } = options;
  const { insertTimeoutMs = 30_000, dedupWindowMs = Number.POSITIVE_INFINITY, now = Date.now } = options;
  const limits = { ...defaultKeyColumnLimits, ...options.keyColumns };
  const keyColumns = await createKeyColumns(connection, limits);
  const fences = createFences(connection, insertTimeoutMs);
  const ownership = createOwnership({
    arbiter,
    fences,
    forgetIdsFrom: (partition, offset) => forgetIdsFrom(connection, partition, offset),
  });
  const ledger = createLedger(connection);
  const notes = createNotes(ownership, ledger);
  const standing = createStanding({ arbiter, ownership, logStarts, changing, onTakenOver: () => version++ });
  const inserts = createInserts(connection, insertTimeoutMs);
  const rule = { hashId: createIdHasher(idSecret), dedupWindowMs };
  const forgetting = createForgetting(dedupWindowMs);
  const writer = createWriter({
    connection,
    inserts,
    ownership,
    keyColumns,
    rule,
    forgetting,
    beforeCommit: options.beforeCommit ?? (async () => {}),
    now,
  });
  let version = 0;
  let binding = await readBinding(connection);
  if (binding !== undefined) await standing.read(binding.partitions);
  const counted = await createRowCount(connection);
  // It watches the server until it is closed, so nothing that can fail comes after it.
  const reader = createReader(connection, now);
  const slots = createSlots({ maxRunning: maxQueries, maxWaiting: maxWaitingQueries, now });

  const exports = createExports({
    connection,
    reader,
    engine: () => createClickhouseEngine(keyColumns.layout),
    positions: () => standing.positions,
    slots,
  });

  let layoutReadMs = now();
  let lastApplyMs: number | undefined;
  let openFences: number | undefined;
  let closed: Promise<void> | undefined;
  const writes = createWrites({
    isClosed: () => closed !== undefined,
    // Whether it was written is not known then.
    onFailure: () => version++,
  });
  const { run: write } = writes;
  // Beside the others, since one may take minutes, in which events are applied: what is removed is hidden for good, or so
  // old that nothing is applied by it, and other processes apply meanwhile as well.
  const removals = createWrites({ isClosed: () => closed !== undefined, onFailure: () => version++ });

  function layout(): Layout {
    if (now() - layoutReadMs > layoutAgeMs) {
      layoutReadMs = now();
      // Whatever it is, the answers are the same.
      void keyColumns.refresh().catch(() => {});
    }
    return keyColumns.layout;
  }

  return {
    get logId() {
      return binding?.logId;
    },
    get version() {
      return version;
    },
    positions: () => standing.positions,

    bind: (logId, partitions) =>
      write(async () => {
        binding ??= await writeBinding(connection, { logId, partitions });
        if (binding.logId !== logId || binding.partitions !== partitions) {
          const has = `the store holds log ${binding.logId} of ${binding.partitions} partitions`;
          throw new WeirError(
            "FAILED_PRECONDITION",
            "STORE_UNAVAILABLE",
            `${has}, not log ${logId} of ${partitions}`,
          );
        }
        if (standing.positions.length === 0) await standing.read(partitions);
      }),

    apply: (blocks) =>
      write(async () => {
        const started = performance.now();
        if (!(await standing.takeOver(blocks.map(({ partition }) => partition)))) {
          // The caller goes by positions that no longer hold.
          throw unavailable("another owner has applied more; read the store's positions and try again");
        }
        const done = await writer.apply(blocks, standing.positions);
        standing.positions = done.positions;
        counted.add(done.result.applied);
        version++;
        lastApplyMs = performance.now() - started;
        return done.result;
      }),

    async ask(question, asked) {
      if (closed !== undefined) throw unavailable("the store is closed");
      return slots.run(() => reader.ask(question, layout(), asked.deadline), asked);
    },

    async trace(question, asked) {
      if (closed !== undefined) throw unavailable("the store is closed");
      return slots.run(() => reader.trace(question, layout(), asked.deadline), asked);
    },

    export(question, asked) {
      if (closed !== undefined) throw unavailable("the store is closed");
      return exports(question, asked);
    },

    ...createDeadLetters({ connection, reader, slots, write }),

    skipTo: (starts) =>
      write(async () => {
        for (const [partition, start] of starts.entries()) {
          if (start > standing.positions[partition]!) await standing.skip(partition, start);
        }
      }),

    removeBefore: (beforeUs, project) =>
      removals.run(async () => {
        const removed = await removeRows(connection, beforeUs, project, changing);
        counted.add(-removed);
        if (removed > 0) version++;
        return removed;
      }),

    takeOver: (partitions) =>
      write(async () => {
        await standing.takeOver(partitions);
      }),

    async release(partitions) {
      const noted = notes.take(releaseMs);
      ownership.drop(partitions);
      await noted;
    },
    notePositions: () => write(() => notes.take()),
    ledger,

    noteApplied(applied) {
      if (!standing.note(applied)) return;
      version++;
      counted.othersWrote();
    },

    noteChanged() {
      version++;
      counted.othersWrote();
    },

    closeFences: () =>
      removals.run(async () => {
        const open = await fences.closeOld(ownership.partitions());
        openFences = open;
        return open;
      }),

    isSettled: () => isSettled(connection),

    forgetIds: (receivedBeforeMs) =>
      removals.run(() => forgetIds(connection, forgetting.until(receivedBeforeMs), ownership.partitions())),

    health() {
      const trouble = closed === undefined ? writes.failure || reader.failure : "the store is closed";
      return { name: "store", status: trouble === "" ? "healthy" : "unhealthy", message: trouble };
    },

    stats: () => ({
      engine: "clickhouse",
      rows: counted.rows,
      version,
      openFences: openFences ?? null,
      lastApplyMs: lastApplyMs ?? null,
      queriesRunning: slots.running,
      queriesWaiting: slots.waiting,
      queriesRefused: slots.refused,
    }),

    close() {
      closed ??= Promise.all([writes.ended(), removals.ended()]).then(() => connection.close());
      reader.close();
      counted.close();
      return closed;
    },
  };
}
