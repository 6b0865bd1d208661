import { DuckDBInstance } from "@duckdb/node-api";
import { createConnection } from "../../src/store/clickhouse/connection.ts";
import { testsClickhouse } from "./store.ts";

/** Partition, offset, project, reason and the record's length of each dead letter of a store that is closed. */
export async function deadLetters(path: string): Promise<unknown[][]> {
  return testsClickhouse ? ofClickhouse(path) : ofDuckdb(path);
}

async function ofDuckdb(path: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  const letters = await connection.runAndReadAll(
    `SELECT "partition", "offset"::INTEGER, project, reason, octet_length(record)::INTEGER
     FROM dead_letters ORDER BY "offset"`,
  );
  const rows = letters.getRows();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

async function ofClickhouse(url: string): Promise<unknown[][]> {
  const connection = createConnection({ url, maxConnections: 1 });
  const { rowCount, columns } = await connection.table({
    query:
      "SELECT partition, offset, project, reason, length(record) FROM dead_letters FINAL ORDER BY offset",
    params: {},
  });
  await connection.close();
  return Array.from({ length: rowCount }, (_, row) => columns.map((column) => column[row]));
}
