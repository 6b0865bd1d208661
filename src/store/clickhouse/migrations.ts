/**
 * The schema, as numbered steps. A step that was released never changes; a new one goes to the end. Each statement can be
 * run again, because a crash may come between any two.
 */
export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

/** A write that was answered survives a loss of power: the log's position may be committed by it. */
const durable = "fsync_after_insert = 1, fsync_part_directory = 1";

export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: [
      // What the store is bound to: one value for each key.
      `CREATE TABLE IF NOT EXISTS meta (
        key String,
        value String
      ) ENGINE = MergeTree ORDER BY key SETTINGS ${durable}`,

      // Times are microseconds since 1970. Parts are by month of received time, so that an insert is one atomic step even
      // when it brings events from many years; the key serves a project's time range, and within each day one user. The
      // timestamp itself is no part of the index, where it would keep the days from being found.
      `CREATE TABLE IF NOT EXISTS events (
        project LowCardinality(String),
        id String CODEC(ZSTD(1)),
        user_id String CODEC(ZSTD(1)),
        user_key UInt128 MATERIALIZED reinterpretAsUInt128(sipHash128(user_id)) CODEC(ZSTD(1)),
        session_id String CODEC(ZSTD(1)),
        name LowCardinality(String),
        event_type LowCardinality(String),
        source LowCardinality(String),
        timestamp_us Int64 CODEC(Delta, ZSTD(1)),
        received_us Int64 CODEC(Delta, ZSTD(1)),
        properties Map(String, String) CODEC(ZSTD(1)),
        measures Map(String, Float64) CODEC(ZSTD(1)),
        partition Int32 CODEC(ZSTD(1)),
        offset Int64 CODEC(Delta, ZSTD(1)),
        epoch Int64 CODEC(ZSTD(1))
      ) ENGINE = MergeTree
      PARTITION BY toYYYYMM(fromUnixTimestamp64Micro(received_us, 'UTC'))
      PRIMARY KEY (project, intDiv(timestamp_us, 86400000000), user_key)
      ORDER BY (project, intDiv(timestamp_us, 86400000000), user_key, timestamp_us)
      SETTINGS ${durable}`,

      // Keys of properties and measures that have a column of events, see layout.ts.
      `CREATE TABLE IF NOT EXISTS key_columns (
        map String,
        key String,
        name String
      ) ENGINE = ReplacingMergeTree ORDER BY (map, key)`,

      // Ids and the offset of their first copy.
      `CREATE TABLE IF NOT EXISTS ids (
        partition Int32,
        hash UInt128,
        offset Int64 CODEC(Delta, ZSTD(1)),
        received_us Int64 CODEC(Delta, ZSTD(1))
      ) ENGINE = MergeTree ORDER BY (partition, hash)
      SETTINGS index_granularity = 1024, ${durable}`,

      // Where an owner took a partition over: rows of a lower epoch from the position on are strays. A second row with
      // closed = 1 says that there are none any more.
      `CREATE TABLE IF NOT EXISTS fences (
        partition Int32,
        epoch Int64,
        position Int64,
        closed UInt8,
        written_at DateTime64(3) DEFAULT now64(3)
      ) ENGINE = MergeTree ORDER BY (partition, epoch) SETTINGS ${durable}`,

      // A replay writes the same letter again.
      `CREATE TABLE IF NOT EXISTS dead_letters (
        partition Int32,
        offset Int64,
        project String,
        reason LowCardinality(String),
        message String,
        created_us Int64,
        record String CODEC(ZSTD(1))
      ) ENGINE = ReplacingMergeTree ORDER BY (partition, offset) SETTINGS ${durable}`,

      // Dead letters, by their places, whose replays were applied.
      `CREATE TABLE IF NOT EXISTS replays (
        partition Int32,
        offset Int64,
        replayed_us Int64
      ) ENGINE = ReplacingMergeTree ORDER BY (partition, offset) SETTINGS ${durable}`,
    ],
  },
  {
    version: 2,
    statements: [
      // What the group had committed of a partition, noted now and then by its owner: where the store stands at least, for
      // when the group has no offset any more.
      `CREATE TABLE IF NOT EXISTS applied (
        partition Int32,
        epoch Int64,
        position Int64,
        written_at DateTime64(3) DEFAULT now64(3)
      ) ENGINE = ReplacingMergeTree(position) ORDER BY (partition, epoch) SETTINGS ${durable}`,
    ],
  },
];

/** Version that this program reads. */
export const schemaVersion = migrations.at(-1)!.version;

/** Tables that the steps make. */
export const tableNames: readonly string[] = migrations.flatMap(({ statements }) =>
  statements.flatMap((statement) => /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.[1] ?? []),
);
