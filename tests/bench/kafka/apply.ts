/** How fast a consumer applies a backlog on Kafka to a store that remembers many ids. */
import { join } from "node:path";
import { createConsumer } from "../../../src/consumer/consumer.ts";
import { type Assignment, everyPartition } from "../../../src/log/assignment.ts";
import { createMembership } from "../../../src/log/kafka/membership.ts";
import { createKafkaReader } from "../../../src/log/kafka/reader.ts";
import { migrateClickhouse } from "../../../src/store/clickhouse/migrate.ts";
import { createClickhouseStore } from "../../../src/store/clickhouse/store.ts";
import { createDuckdbStore } from "../../../src/store/duckdb/store.ts";
import type { EventStore } from "../../../src/store/store.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { startEngine } from "../../support/clickhouse.ts";
import { row } from "../report.ts";
import { makeBacklog } from "./backlog.ts";
import { type BenchCluster, startBenchCluster } from "./cluster.ts";
import { bind, type Cores } from "./cores.ts";
import { rememberInClickhouse, rememberInDuckdb } from "./remember.ts";

/** Of a batch, as the server has it over ClickHouse; over DuckDB it is the consumer's default. */
const clickhouseBatchBytes = 16 * 1024 ** 2;

export interface ApplyOptions {
  readonly events: number;
  /** Ids. */
  readonly remembered: number;
}

/** To ClickHouse's engine behind the HTTP server of the tests, as a member of a group that commits to the broker. */
export async function applyToClickhouse(cores: Cores, options: ApplyOptions): Promise<void> {
  await withBacklog(cores, options, async (cluster) => {
    bind(cores.others);
    const engine = await startEngine().finally(() => bind(cores.measured));
    try {
      const { identity } = cluster;
      const url = engine.newDatabase();
      await migrateClickhouse(url);
      console.log(`remembering ${options.remembered} ids …`);
      await rememberInClickhouse(url, identity, options.remembered);
      const membership = await createMembership({ ...cluster.log, group: "weir", mode: "spread" });
      const store = await createClickhouseStore({ url, arbiter: membership, idSecret: identity.idSecret });
      await store.bind(identity.logId, identity.partitions);
      while (membership.partitions().length < identity.partitions) {
        await new Promise<void>((resolve) => {
          const end = membership.onChange(() => {
            end();
            resolve();
          });
        });
      }
      await applyAll(cluster, store, membership, { batchBytes: clickhouseBatchBytes });
      await membership.close();
      await store.close();
    } finally {
      await engine.close();
    }
  });
}

/** To DuckDB with its table of ids. */
export async function applyToDuckdb(cores: Cores, options: ApplyOptions, directory: string): Promise<void> {
  await withBacklog(cores, options, async (cluster) => {
    const { identity } = cluster;
    const folder = join(directory, "ids");
    console.log(`remembering ${options.remembered} ids …`);
    await rememberInDuckdb(folder, identity, options.remembered);
    const ids = { folder, idSecret: identity.idSecret };
    const store = await createDuckdbStore({ path: join(directory, "events.duckdb"), ids });
    await store.bind(identity.logId, identity.partitions);
    await applyAll(cluster, store, everyPartition(identity.partitions));
    await store.close();
  });
}

async function withBacklog(
  cores: Cores,
  { events }: ApplyOptions,
  work: (cluster: BenchCluster) => Promise<void>,
): Promise<void> {
  const cluster = await startBenchCluster(cores);
  try {
    console.log(`sending ${events} events …`);
    await makeBacklog(cluster, events);
    await work(cluster);
  } finally {
    await cluster.close();
  }
}

async function applyAll(
  cluster: BenchCluster,
  store: EventStore,
  assignment: Assignment,
  options: { readonly batchBytes?: number } = {},
): Promise<void> {
  const log = await createKafkaReader(cluster.log);
  const ends = log.ends();
  const events = ends.reduce((sum, end) => sum + end, 0);
  const now = Date.now;
  const metrics = createMetrics({ startedAtMs: now(), now });
  const logger = createLogger({ level: "warn" });
  const consumer = createConsumer({ log, store, assignment, ...options, metrics, logger, now });
  const cpu = process.cpuUsage();
  const started = performance.now();
  await new Promise<void>((resolve) => {
    consumer.onApplied(() => {
      if (store.positions().every((position, partition) => position === ends[partition])) resolve();
    });
    consumer.start();
  });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await consumer.stop();
  await log.close();
  const { applied, batches, errors } = consumer.figures();
  if (applied !== events) throw new Error(`${applied} of ${events} events were applied`);
  row("events applied a second", events / seconds);
  row("seconds", seconds);
  row("events of one batch", events / batches);
  row("failed batches", errors);
  row("CPU seconds a second, without an engine's", (user + system) / 1e6 / seconds);
  row("resident MiB", process.memoryUsage.rss() / 1024 ** 2);
}
