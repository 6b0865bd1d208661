/** The store of DuckDB at schema version 1: ids are text, and properties and measures stand in maps alone. */

import { map, middle, type OldStore, sharedTables, text, writeStore } from "./duckdb.ts";
import { oldApplied } from "./events.ts";

export const store1Tables: readonly string[] = [
  ...sharedTables,
  `CREATE TABLE events (
    project VARCHAR NOT NULL, id VARCHAR NOT NULL, user_key INTEGER NOT NULL, user_id VARCHAR NOT NULL,
    session_id VARCHAR NOT NULL, name VARCHAR NOT NULL, event_type VARCHAR NOT NULL, source VARCHAR NOT NULL,
    timestamp_us BIGINT NOT NULL, received_us BIGINT NOT NULL, properties MAP(VARCHAR, VARCHAR) NOT NULL,
    measures MAP(VARCHAR, DOUBLE) NOT NULL, "partition" INTEGER NOT NULL, "offset" BIGINT NOT NULL)`,
  `CREATE TABLE dead_letters (
    "partition" INTEGER NOT NULL, "offset" BIGINT NOT NULL, project VARCHAR NOT NULL, reason VARCHAR NOT NULL,
    message VARCHAR NOT NULL, received_us BIGINT NOT NULL, record BLOB NOT NULL)`,
];

export function writeStore1(path: string, store: OldStore): Promise<void> {
  const events = oldApplied.map((event) => {
    const maps = `${map(event.properties, "VARCHAR")}, ${map(event.measures, "DOUBLE")}`;
    return `INSERT INTO events VALUES ('default', ${text(event.id)}, ${middle(event, store.receivedMs)}, ${maps},
      ${event.partition}, ${event.offset})`;
  });
  return writeStore(path, {}, [...store1Tables, ...events], 1, store);
}
