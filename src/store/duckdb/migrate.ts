import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type MapField, mapFields } from "../../filter/filter.ts";
import type { KeyColumnLimits } from "../apply/census.ts";
import { addColumn, type Layout, nextColumn } from "./layout.ts";
import type { WorkerOptions } from "./protocol.ts";
import { quoted } from "./quoted.ts";
import { createTables, writeVersion } from "./schema.ts";
import { storageVersion } from "./storage-version.ts";

/**
 * Writes a store of schema version 1 anew in this version, as `path.migrating`, and puts that in its place by one rename:
 * whenever it is cut short, the old file is still there as it was, and the next start begins again. Needs as much free
 * disk as the store takes.
 *
 * @param options path of a file that nobody has open, and whose write-ahead file is empty
 */
export async function migrate(options: WorkerOptions): Promise<void> {
  const { path, memoryLimit, threads, keyColumns } = options;
  const next = `${path}.migrating`;
  if (existsSync(`${path}.wal`)) throw new Error(`${path}.wal is to be written to the store first`);
  for (const file of [next, `${next}.wal`]) rmSync(file, { force: true });
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: memoryLimit,
    threads: String(threads),
    temp_directory: `${next}.tmp`,
  });
  try {
    const connection = await instance.connect();
    await connection.run(`ATTACH ${quoted(path)} AS old (READ_ONLY)`);
    await connection.run(`ATTACH ${quoted(next)} AS new (STORAGE_VERSION '${storageVersion}')`);
    await connection.run("USE new");
    await copy(connection, keyColumns);
    await connection.run("CHECKPOINT new");
    connection.closeSync();
  } finally {
    instance.closeSync();
  }
  renameSync(next, path);
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

async function copy(connection: DuckDBConnection, limits: KeyColumnLimits): Promise<void> {
  await createTables(connection);
  await connection.run("INSERT INTO meta SELECT * FROM old.meta WHERE key <> 'schema_version'");
  await writeVersion(connection);
  for (const table of ["positions", "users", "dead_letters"]) {
    await connection.run(`INSERT INTO ${table} BY NAME SELECT * FROM old.${table}`);
  }
  let layout: Layout = [];
  for (const map of mapFields) {
    for (const key of await frequentKeys(connection, map, limits)) {
      layout = [...layout, nextColumn(layout, map, key, false)];
    }
  }
  for (const [place, column] of layout.entries()) await addColumn(connection, column, place);
  // Keys are parameters, numbered as their columns.
  const isUuid = "id = CAST(TRY_CAST(id AS UUID) AS VARCHAR)";
  const insert = `
    INSERT INTO events SELECT
      project, CASE WHEN ${isUuid} THEN TRY_CAST(id AS UUID) END, CASE WHEN ${isUuid} THEN NULL ELSE id END,
      user_key, user_id, session_id, name, event_type, source, timestamp_us, received_us,
      ${mapFields.map((map) => restOf(map, layout)).join(", ")},
      "partition", "offset"
      ${layout.map(({ map }, place) => `, ${map}[$${place + 1}]`).join("")}
    FROM old.events`;
  await connection.run(
    insert,
    layout.map(({ key }) => key),
  );
}

async function frequentKeys(
  connection: DuckDBConnection,
  map: MapField,
  limits: KeyColumnLimits,
): Promise<string[]> {
  const result = await connection.runAndReadAll(
    `SELECT key FROM (SELECT unnest(map_keys(${map})) AS key FROM old.events) AS keys
     GROUP BY key HAVING count(*) >= $1 * (SELECT count(*) FROM old.events) ORDER BY count(*) DESC, key LIMIT $2`,
    [limits.share, limits[map]],
  );
  return result.getRows().map(([key]) => String(key));
}

/** A map without the keys that have columns. */
function restOf(map: MapField, layout: Layout): string {
  const keys = layout.flatMap((column, place) => (column.map === map ? [`$${place + 1}`] : []));
  if (keys.length === 0) return map;
  return `map_from_entries(list_filter(map_entries(${map}), lambda e: e.key NOT IN (${keys.join(", ")})))`;
}
