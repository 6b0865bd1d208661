/** The store on ClickHouse at schema version 1, which did not note how far it is, nor which group applies the log to it. */
import { text } from "./duckdb.ts";
import { oldApplied, oldEnds, oldLogId, oldPartitions } from "./events.ts";
import { hashId1 } from "./ids-1.ts";

const durable = "fsync_after_insert = 1, fsync_part_directory = 1";

const tables = [
  `CREATE TABLE schema_migrations (
    version UInt32, applied_at DateTime64(3) DEFAULT now64(3)
  ) ENGINE = MergeTree ORDER BY version`,
  `CREATE TABLE meta (
    key String, value String
  ) ENGINE = MergeTree ORDER BY key SETTINGS ${durable}`,
  `CREATE TABLE events (
    project LowCardinality(String), id String CODEC(ZSTD(1)), user_id String CODEC(ZSTD(1)),
    user_key UInt128 MATERIALIZED reinterpretAsUInt128(sipHash128(user_id)) CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)), name LowCardinality(String), event_type LowCardinality(String),
    source LowCardinality(String), timestamp_us Int64 CODEC(Delta, ZSTD(1)), received_us Int64 CODEC(Delta,
    ZSTD(1)), properties Map(String, String) CODEC(ZSTD(1)), measures Map(String, Float64) CODEC(ZSTD(1)),
    partition Int32 CODEC(ZSTD(1)), offset Int64 CODEC(Delta, ZSTD(1)), epoch Int64 CODEC(ZSTD(1))
  ) ENGINE = MergeTree
    PARTITION BY toYYYYMM(fromUnixTimestamp64Micro(received_us, 'UTC'))
    PRIMARY KEY (project, intDiv(timestamp_us, 86400000000), user_key)
    ORDER BY (project, intDiv(timestamp_us, 86400000000), user_key, timestamp_us)
    SETTINGS ${durable}`,
  `CREATE TABLE key_columns (
    map String, key String, name String
  ) ENGINE = ReplacingMergeTree ORDER BY (map, key)`,
  `CREATE TABLE ids (
    partition Int32, hash UInt128, offset Int64 CODEC(Delta, ZSTD(1)), received_us Int64 CODEC(Delta, ZSTD(1))
  ) ENGINE = MergeTree ORDER BY (partition, hash)
    SETTINGS index_granularity = 1024, ${durable}`,
  `CREATE TABLE fences (
    partition Int32, epoch Int64, position Int64, closed UInt8, written_at DateTime64(3) DEFAULT now64(3)
  ) ENGINE = MergeTree ORDER BY (partition, epoch) SETTINGS ${durable}`,
  `CREATE TABLE dead_letters (
    partition Int32, offset Int64, project String, reason LowCardinality(String), message String,
    created_us Int64, record String CODEC(ZSTD(1))
  ) ENGINE = ReplacingMergeTree ORDER BY (partition, offset) SETTINGS ${durable}`,
  `CREATE TABLE replays (
    partition Int32, offset Int64, replayed_us Int64
  ) ENGINE = ReplacingMergeTree ORDER BY (partition, offset) SETTINGS ${durable}`,
];

/** @param url http://host:port/database, which is made */
export async function writeClickhouse1(url: string, receivedMs: number): Promise<void> {
  const run = (statement: string) => runOnClickhouse(url, statement);
  const { origin, pathname } = new URL(url);
  await runOnClickhouse(`${origin}/default`, `CREATE DATABASE ${pathname.slice(1)}`);
  for (const table of tables) await run(table);
  await run("INSERT INTO schema_migrations (version) VALUES (1)");
  await run(`INSERT INTO meta VALUES ('log', '{"logId":"${oldLogId}","partitions":${oldPartitions}}')`);
  for (let partition = 0; partition < oldPartitions; partition++) {
    for (const closed of [0, 1]) {
      await run(
        `INSERT INTO fences (partition, epoch, position, closed) VALUES (${partition}, 1, 0, ${closed})`,
      );
    }
  }
  const receivedUs = receivedMs * 1000;
  for (const event of oldApplied) {
    const { partition, offset, properties, measures, timestampUs } = event;
    const texts = [event.id, event.userId, event.sessionId, event.name, "custom", event.source].map(text);
    await run(`INSERT INTO events (
        project, id, user_id, session_id, name, event_type, source, timestamp_us, received_us, properties, measures,
        partition, offset, epoch
      ) SELECT 'default', ${texts.join(", ")}, ${timestampUs}, ${receivedUs}, ${mapOf(properties)}, ${mapOf(measures)},
        ${partition}, ${offset}, 1`);
    const hash = `reinterpretAsUInt128(unhex('${hashId1(event).toString("hex")}'))`;
    await run(`INSERT INTO ids SELECT ${partition}, ${hash}, ${offset}, ${receivedUs}`);
  }
}

/**
 * Runs a statement within a database.
 *
 * @param url http://host:port/database
 * @returns the answer's text
 */
export async function runOnClickhouse(url: string, statement: string): Promise<string> {
  const { origin, pathname } = new URL(url);
  const response = await fetch(`${origin}/?database=${pathname.slice(1)}`, {
    method: "POST",
    body: statement,
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`${statement}: ${body}`);
  return body;
}

/** What the group had committed of it. */
export const commits1 = oldEnds(oldApplied, { deadLetter: false }).map((offset, partition) => ({
  partition,
  offset,
  metadata: "weir/1 epoch=1",
}));

function mapOf(values: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(values).flatMap(([key, value]) => [
    text(key),
    typeof value === "string" ? text(value) : `${value}::Float64`,
  ]);
  return `map(${pairs.join(", ")})`;
}
