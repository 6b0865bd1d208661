import type { DuckDBConnection } from "@duckdb/node-api";
import { StoreStartError } from "../store.ts";

/** Grows by one with each change of the tables; a file of a greater version is refused, a lesser one migrated. */
export const schemaVersion = 3;

/**
 * Tables. No keys and no indexes: a position is committed with its rows, so nothing comes twice, and an index would
 * slow each append and each replay of the write-ahead file.
 */
const tables = [
  `CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL)`,
  // Offset of the next record to apply, for each partition.
  `CREATE TABLE positions ("partition" INTEGER NOT NULL, "offset" BIGINT NOT NULL)`,
  `CREATE TABLE users (user_key INTEGER NOT NULL, project VARCHAR NOT NULL, user_id VARCHAR NOT NULL)`,
  // Times are microseconds since 1970. Of id and id_text one is NULL: a canonical UUID is kept as such. Behind these
  // stand the columns of key_columns.
  `CREATE TABLE events (
    project VARCHAR NOT NULL,
    id UUID,
    id_text VARCHAR,
    user_key INTEGER NOT NULL,
    user_id VARCHAR NOT NULL,
    session_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    event_type VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    timestamp_us BIGINT NOT NULL,
    received_us BIGINT NOT NULL,
    properties MAP(VARCHAR, VARCHAR) NOT NULL,
    measures MAP(VARCHAR, DOUBLE) NOT NULL,
    "partition" INTEGER NOT NULL,
    "offset" BIGINT NOT NULL
  )`,
  // Columns of events for keys of properties and measures (layout.ts), in the order of `place`, from 0.
  `CREATE TABLE key_columns (
    place INTEGER NOT NULL,
    map VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    mixed BOOLEAN NOT NULL
  )`,
  `CREATE TABLE dead_letters (
    "partition" INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    project VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    received_us BIGINT NOT NULL,
    record BLOB NOT NULL,
    created_us BIGINT,
    replayed_us BIGINT
  )`,
];

/** Makes the tables of this version, empty. */
export async function createTables(connection: DuckDBConnection): Promise<void> {
  for (const table of tables) await connection.run(table);
}

/** Brings tables of version 2 to this one where they stand: a change that touches no row. */
export async function upgradeFrom2(connection: DuckDBConnection): Promise<void> {
  await connection.run("BEGIN TRANSACTION");
  await connection.run("ALTER TABLE dead_letters ADD COLUMN created_us BIGINT");
  await connection.run("ALTER TABLE dead_letters ADD COLUMN replayed_us BIGINT");
  await connection.run("DELETE FROM meta WHERE key = 'schema_version'");
  await writeVersion(connection);
  await connection.run("COMMIT");
  await connection.run("CHECKPOINT");
}

export async function writeVersion(connection: DuckDBConnection): Promise<void> {
  await connection.run("INSERT INTO meta VALUES ('schema_version', $1)", [String(schemaVersion)]);
}

/**
 * Makes the tables in a new file, and checks the version of one that has them.
 *
 * @returns the file's version: schemaVersion, or a lesser one that is to be migrated
 * @throws StoreStartError where the file is of a newer version, or holds something else
 */
export async function prepareSchema(connection: DuckDBConnection, path: string): Promise<number> {
  const names = await connection.runAndReadAll(
    "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary",
  );
  const existing = new Set(names.getRows().map(([name]) => String(name)));
  if (existing.size === 0) {
    await connection.run("BEGIN TRANSACTION");
    await createTables(connection);
    await writeVersion(connection);
    await connection.run("COMMIT");
    // Definitions do not stay in the write-ahead file, where a replay could fail on them.
    await connection.run("CHECKPOINT");
    return schemaVersion;
  }
  if (!existing.has("meta") || !existing.has("events")) {
    throw new StoreStartError(
      `${path} is a DuckDB file, but not an event store; choose another with --store`,
    );
  }
  const version = Number(await readMeta(connection, "schema_version"));
  if (version >= 1 && version <= schemaVersion) return version;
  const advice = version > schemaVersion ? "run the newer version that wrote it" : "rebuild it from the log";
  throw new StoreStartError(
    `${path} has schema version ${version}, this program reads ${schemaVersion}: ${advice}`,
  );
}

export async function readMeta(connection: DuckDBConnection, key: string): Promise<string | undefined> {
  const result = await connection.runAndReadAll("SELECT value FROM meta WHERE key = $1", [key]);
  const value = result.getRows()[0]?.[0];
  return value === undefined ? undefined : String(value);
}
