/**
 * The store of DuckDB at schema version 2: an id that is a UUID is kept as one, and frequent keys of properties and
 * measures have columns of their own. Here `plan` has one, which ann's first event is older than.
 */
import { map, middle, type OldStore, sharedTables, text, writeStore } from "./duckdb.ts";
import { type OldEvent, oldApplied } from "./events.ts";

/** Format of the file, since this version. */
export const fileSettings = { storage_compatibility_version: "v1.5.0" };

/** All tables but the dead letters. */
export const store2Tables: readonly string[] = [
  ...sharedTables,
  `CREATE TABLE events (
    project VARCHAR NOT NULL, id UUID, id_text VARCHAR, user_key INTEGER NOT NULL, user_id VARCHAR NOT NULL,
    session_id VARCHAR NOT NULL, name VARCHAR NOT NULL, event_type VARCHAR NOT NULL, source VARCHAR NOT NULL,
    timestamp_us BIGINT NOT NULL, received_us BIGINT NOT NULL, properties MAP(VARCHAR, VARCHAR) NOT NULL,
    measures MAP(VARCHAR, DOUBLE) NOT NULL, "partition" INTEGER NOT NULL, "offset" BIGINT NOT NULL)`,
  `CREATE TABLE key_columns (
    place INTEGER NOT NULL, map VARCHAR NOT NULL, key VARCHAR NOT NULL, name VARCHAR NOT NULL, mixed BOOLEAN NOT NULL)`,
];

/** The rows of the events, and the column. */
export function store2Rows(receivedMs: number): string[] {
  const [first, ...others] = oldApplied;
  return [
    `INSERT INTO events VALUES (${row(first!, first!.properties, receivedMs)})`,
    "ALTER TABLE events ADD COLUMN p0 VARCHAR",
    "INSERT INTO key_columns VALUES (0, 'properties', 'plan', 'p0', true)",
    ...others.map((event) => {
      const { plan, ...rest } = event.properties;
      const column = plan === undefined ? "NULL" : text(plan);
      return `INSERT INTO events VALUES (${row(event, rest, receivedMs)}, ${column})`;
    }),
  ];
}

function row(event: OldEvent, properties: Readonly<Record<string, string>>, receivedMs: number): string {
  const { id, measures, partition, offset } = event;
  const ids = /^[0-9a-f-]{36}$/.test(id) ? `'${id}'::UUID, NULL` : `NULL, ${text(id)}`;
  const maps = `${map(properties, "VARCHAR")}, ${map(measures, "DOUBLE")}`;
  return `'default', ${ids}, ${middle(event, receivedMs)}, ${maps}, ${partition}, ${offset}`;
}

const deadLetters = `CREATE TABLE dead_letters (
  "partition" INTEGER NOT NULL, "offset" BIGINT NOT NULL, project VARCHAR NOT NULL, reason VARCHAR NOT NULL,
  message VARCHAR NOT NULL, received_us BIGINT NOT NULL, record BLOB NOT NULL)`;

export function writeStore2(path: string, store: OldStore): Promise<void> {
  const statements = [...store2Tables, deadLetters, ...store2Rows(store.receivedMs)];
  return writeStore(path, fileSettings, statements, 2, store);
}
