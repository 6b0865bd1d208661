import { maskPassword, withoutPassword } from "../../domain/secrets.ts";
import { StoreStartError } from "../store.ts";
import { type Connection, createConnection } from "./connection.ts";
import { messageOf } from "./failures.ts";
import { migrations, schemaVersion, tableNames } from "./migrations.ts";
import { untilReached } from "./start.ts";
import { parseUrl } from "./url.ts";

export interface MigrationResult {
  /** 0 where there was no schema. */
  readonly from: number;
  readonly to: number;
}

/**
 * Brings the database's schema to this program's version; makes the database where there is none.
 *
 * @param url clickhouse://user:password@host:port/database
 * @param startTimeoutMs how long to wait for the server, in milliseconds
 * @throws StoreStartError where it is newer, holds tables of something else by our names, or the server cannot be reached
 */
export async function migrateClickhouse(url: string, startTimeoutMs = 0): Promise<MigrationResult> {
  const { http, server, database } = parseUrl(url);
  const place = maskPassword(url);
  await untilReached(startTimeoutMs, () =>
    withConnection(server, place, (connection) =>
      connection.command(`CREATE DATABASE IF NOT EXISTS \`${database}\``),
    ),
  );
  return withConnection(http, place, async (connection) => {
    await refuseForeign(connection, place);
    await connection.command(`CREATE TABLE IF NOT EXISTS schema_migrations (
      version UInt32,
      applied_at DateTime64(3) DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY version`);
    const from = (await readVersion(connection)) ?? 0;
    if (from > schemaVersion) throw newer(place, from);
    for (const { version, statements } of migrations) {
      if (version <= from) continue;
      for (const statement of statements) await connection.command(statement);
      await connection.command(`INSERT INTO schema_migrations (version) VALUES (${version})`);
    }
    return { from, to: schemaVersion };
  });
}

/** Whether the table of versions is ours: other tools that migrate have one of the same name. */
const isVersionTable = `name = 'schema_migrations' AND (
  SELECT arraySort(groupArray(concat(name, ' ', type))) FROM system.columns
  WHERE database = currentDatabase() AND table = 'schema_migrations'
) = ['applied_at DateTime64(3)', 'version UInt32']`;

/** The table of versions is made before all others: where it is not there, none of them is ours. */
async function refuseForeign(connection: Connection, place: string): Promise<void> {
  const names = ["schema_migrations", ...tableNames].map((name) => `'${name}'`).join(", ");
  const { columns } = await connection.table({
    query: `SELECT name, toUInt8(${isVersionTable}) FROM system.tables
      WHERE database = currentDatabase() AND name IN (${names}) ORDER BY name`,
    params: {},
  });
  const [found = [], isOurs = []] = columns as [(readonly string[])?, ArrayLike<number>?];
  if (found.length === 0 || Array.from(isOurs).includes(1)) return;
  throw new StoreStartError(
    `${place} has tables of something else (${found.join(", ")}): give the store a database of its own`,
  );
}

/** @throws StoreStartError where the schema is not this program's */
export async function checkSchema(connection: Connection, url: string): Promise<void> {
  const place = maskPassword(url);
  let version: number | undefined;
  try {
    version = await readVersion(connection);
  } catch (error) {
    throw new StoreStartError(`${place} cannot be reached: ${messageOf(error)}`, error);
  }
  if (version === schemaVersion) return;
  if (version !== undefined && version > schemaVersion) throw newer(place, version);
  const found = version === undefined ? "has no schema" : `has schema version ${version}`;
  const bare = withoutPassword(url);
  const password = bare === url ? "" : " with its password in WEIR_CLICKHOUSE_PASSWORD";
  throw new StoreStartError(
    `${place} ${found}, this program reads ${schemaVersion}: run weir migrate --store ${bare}${password}`,
  );
}

/** undefined where the database or the table is not there, or has no version yet. */
async function readVersion(connection: Connection): Promise<number | undefined> {
  const there = await connection
    .table({
      query:
        "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'",
      params: {},
    })
    .catch(noDatabase);
  if (there === undefined || (there.columns[0] as Float64Array)[0] === 0) return undefined;
  const found = await connection.table({ query: "SELECT max(version) FROM schema_migrations", params: {} });
  const version = (found.columns[0] as Float64Array)[0]!;
  return Number.isNaN(version) ? undefined : version;
}

function noDatabase(error: unknown): undefined {
  if (error instanceof Error && "type" in error && error.type === "UNKNOWN_DATABASE") return undefined;
  throw error;
}

function newer(place: string, version: number): StoreStartError {
  const advice = "run the newer version that wrote it";
  return new StoreStartError(
    `${place} has schema version ${version}, this program reads ${schemaVersion}: ${advice}`,
  );
}

async function withConnection<T>(
  url: string,
  place: string,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = createConnection({ url, maxConnections: 1 });
  try {
    return await work(connection);
  } catch (error) {
    if (error instanceof StoreStartError) throw error;
    throw new StoreStartError(`${place} cannot be migrated: ${messageOf(error)}`, error);
  } finally {
    await connection.close();
  }
}
