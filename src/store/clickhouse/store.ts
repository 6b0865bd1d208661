import { WeirError } from "../../domain/errors.ts";
import { createIdHasher } from "../../domain/ids.ts";
import { defaultKeyColumnLimits } from "../apply/census.ts";
import { createForgetting } from "../apply/forgetting.ts";
import { createSlots } from "../slots.ts";
import { type Connection, createConnection } from "./connection.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { createClickhouseEngine } from "./engine.ts";
import { createExports } from "./exports.ts";
import { unavailable } from "./failures.ts";
import { createFences } from "./fences.ts";
import { createInserts } from "./inserts.ts";
import { createKeyColumns } from "./key-columns.ts";
import type { Layout } from "./layout.ts";
import { readBinding, writeBinding } from "./meta.ts";
import { checkSchema } from "./migrate.ts";
import type { ClickhouseStore, ClickhouseStoreOptions } from "./options.ts";
import { createOwnership } from "./ownership.ts";
import { createReader } from "./reader.ts";
import { forgetIds, removeRows } from "./removal.ts";
import { createRowCount } from "./row-count.ts";
import { untilReached } from "./start.ts";
import { parseUrl } from "./url.ts";
import { createWriter } from "./writer.ts";
import { createWrites } from "./writes.ts";

export type { ClickhouseStore, ClickhouseStoreOptions } from "./options.ts";

/** How long another process's new columns stay unknown here, which costs time only. In milliseconds. */
const layoutAgeMs = 60_000;
const defaultMaxQueries = 4;
/** Connections beside those of the questions: a write, its look-up, an end of a query. */
const otherConnections = 4;

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
    await untilReached(startTimeoutMs, () => checkSchema(connection, url), wait);
    return await openClickhouseStore(connection, options);
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
  const { insertTimeoutMs = 30_000, dedupWindowMs = Number.POSITIVE_INFINITY, now = Date.now } = options;
  const limits = { ...defaultKeyColumnLimits, ...options.keyColumns };
  const keyColumns = await createKeyColumns(connection, limits);
  const fences = createFences(connection, insertTimeoutMs);
  const ownership = createOwnership(arbiter, fences);
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
  const reader = createReader(connection, now);
  const slots = createSlots({ maxRunning: maxQueries, maxWaiting: maxWaitingQueries, now });

  const exports = createExports({
    connection,
    reader,
    engine: () => createClickhouseEngine(keyColumns.layout),
    positions: () => positions,
    slots,
  });

  let binding = await readBinding(connection);
  let positions: readonly number[] = await committedPositions();
  const counted = await createRowCount(connection, now);
  let version = 0;
  let layoutReadMs = now();
  let lastApplyMs: number | undefined;
  let openFences = 0;
  let closed: Promise<void> | undefined;
  const writes = createWrites({
    isClosed: () => closed !== undefined,
    // Whether it was written is not known then.
    onFailure: () => version++,
  });
  const { run: write } = writes;

  async function committedPositions(): Promise<number[]> {
    const partitions = Array.from({ length: binding?.partitions ?? 0 }, (_, partition) => partition);
    const committed = await Promise.all(partitions.map((partition) => arbiter.committed(partition)));
    return committed.map((one) => one?.position ?? 0);
  }

  function move(partition: number, position: number): void {
    positions = positions.with(partition, position);
  }

  /** Answers whether the positions stand where they stood. */
  async function takeOver(partitions: readonly number[]): Promise<boolean> {
    let same = true;
    for (const partition of partitions) {
      if (positions[partition] === undefined || ownership.held(partition) !== undefined) continue;
      const { position } = await ownership.takeOver(partition);
      // The fence hides what a former owner left.
      version++;
      if (position === positions[partition]) continue;
      move(partition, position);
      same = false;
    }
    return same;
  }

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
    positions: () => positions,

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
        if (positions.length === 0) positions = await committedPositions();
      }),

    apply: (blocks) =>
      write(async () => {
        const started = performance.now();
        if (!(await takeOver(blocks.map(({ partition }) => partition)))) {
          // The caller goes by positions that no longer hold.
          throw unavailable("another owner has applied more; read the store's positions and try again");
        }
        const done = await writer.apply(blocks, positions);
        positions = done.positions;
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
          if (start <= positions[partition]!) continue;
          await takeOver([partition]);
          if (start <= positions[partition]!) continue;
          await ownership.commit(partition, start);
          move(partition, start);
        }
      }),

    removeBefore: (beforeUs, project) =>
      write(async () => {
        const removed = await removeRows(connection, beforeUs, project);
        counted.add(-removed);
        if (removed > 0) version++;
        return removed;
      }),

    takeOver: (partitions) =>
      write(async () => {
        await takeOver(partitions);
      }),

    release(partitions) {
      ownership.drop(partitions);
    },

    noteApplied(applied) {
      const next = positions.map((position, partition) =>
        ownership.held(partition) === undefined ? (applied[partition] ?? 0) : position,
      );
      if (next.every((position, partition) => position === positions[partition])) return;
      positions = next;
      version++;
      counted.othersWrote();
    },

    closeFences: () =>
      write(async () => {
        openFences = await fences.closeOld(ownership.partitions());
        return openFences;
      }),

    forgetIds: (receivedBeforeMs) =>
      write(() => forgetIds(connection, forgetting.until(receivedBeforeMs), ownership.partitions())),

    health() {
      const trouble = closed === undefined ? writes.failure || reader.failure : "the store is closed";
      return { name: "store", status: trouble === "" ? "healthy" : "unhealthy", message: trouble };
    },

    stats: () => ({
      engine: "clickhouse",
      rows: counted.rows,
      version,
      openFences,
      lastApplyMs: lastApplyMs ?? null,
      queriesRunning: slots.running,
      queriesWaiting: slots.waiting,
      queriesRefused: slots.refused,
    }),

    close() {
      closed ??= writes.ended().then(() => connection.close());
      reader.close();
      return closed;
    },
  };
}
