/** The store of DuckDB at schema version 3, the present one: dead letters know when they were made and replayed. */
import { type OldStore, writeStore } from "./duckdb.ts";
import { fileSettings, store2Rows, store2Tables } from "./store-2.ts";

const deadLetters = `CREATE TABLE dead_letters (
  "partition" INTEGER NOT NULL, "offset" BIGINT NOT NULL, project VARCHAR NOT NULL, reason VARCHAR NOT NULL,
  message VARCHAR NOT NULL, received_us BIGINT NOT NULL, record BLOB NOT NULL, created_us BIGINT, replayed_us BIGINT)`;

export function writeStore3(path: string, store: OldStore): Promise<void> {
  const statements = [...store2Tables, deadLetters, ...store2Rows(store.receivedMs)];
  return writeStore(path, fileSettings, statements, 3, store);
}
