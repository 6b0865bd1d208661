import { setImmediate } from "node:timers/promises";
import {
  BIGINT,
  BLOB,
  DOUBLE,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBMapValue,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  MAP,
  VARCHAR,
} from "@duckdb/node-api";
import type { DeadLetterRow, EventRow } from "./rows.ts";
import type { NewUser } from "./users.ts";

/** Rows of a data chunk: DuckDB's vector size. */
const chunkRows = 2048;

/** How a table's columns are made of a row, in the order of its definition. */
interface TableWriter<R> {
  readonly table: string;
  readonly types: readonly DuckDBType[];
  columns(rows: readonly R[], first: number): DuckDBValue[][];
}

const users: TableWriter<NewUser> = {
  table: "users",
  types: [INTEGER, VARCHAR, VARCHAR],
  columns: (rows) => [rows.map((r) => r.key), rows.map((r) => r.project), rows.map((r) => r.userId)],
};

const deadLetters: TableWriter<DeadLetterRow> = {
  table: "dead_letters",
  types: [INTEGER, BIGINT, VARCHAR, VARCHAR, VARCHAR, BIGINT, BLOB],
  columns: (rows) => [
    rows.map((r) => r.partition),
    rows.map((r) => BigInt(r.offset)),
    rows.map((r) => r.project),
    rows.map((r) => r.reason),
    rows.map((r) => r.message),
    rows.map((r) => BigInt(r.receivedUs)),
    rows.map((r) => new DuckDBBlobValue(r.record)),
  ],
};

function events(keys: Int32Array): TableWriter<EventRow> {
  return {
    table: "events",
    types: [
      VARCHAR,
      VARCHAR,
      INTEGER,
      VARCHAR,
      VARCHAR,
      VARCHAR,
      VARCHAR,
      VARCHAR,
      BIGINT,
      BIGINT,
      MAP(VARCHAR, VARCHAR),
      MAP(VARCHAR, DOUBLE),
      INTEGER,
      BIGINT,
    ],
    columns: (rows, first) => [
      rows.map((r) => r.project),
      rows.map((r) => r.flat.id),
      Array.from(keys.subarray(first, first + rows.length)),
      rows.map((r) => r.flat.userId),
      rows.map((r) => r.flat.sessionId),
      rows.map((r) => r.flat.name),
      rows.map((r) => r.flat.eventType),
      rows.map((r) => r.flat.source),
      rows.map((r) => BigInt(r.flat.timestampUs)),
      rows.map((r) => BigInt(r.flat.receivedUs)),
      rows.map((r) => mapValue(r.flat.properties)),
      rows.map((r) => mapValue(r.flat.measures)),
      rows.map((r) => r.partition),
      rows.map((r) => BigInt(r.offset)),
    ],
  };
}

function mapValue(map: Readonly<Record<string, DuckDBValue>>): DuckDBMapValue {
  return new DuckDBMapValue(Object.entries(map).map(([key, value]) => ({ key, value })));
}

export function appendUsers(connection: DuckDBConnection, rows: readonly NewUser[]): Promise<void> {
  return append(connection, users, rows);
}

export function appendDeadLetters(
  connection: DuckDBConnection,
  rows: readonly DeadLetterRow[],
): Promise<void> {
  return append(connection, deadLetters, rows);
}

/** @param keys the user's key of each row */
export function appendEvents(
  connection: DuckDBConnection,
  rows: readonly EventRow[],
  keys: Int32Array,
): Promise<void> {
  return append(connection, events(keys), rows);
}

/** Appends within the connection's transaction. */
async function append<R>(
  connection: DuckDBConnection,
  writer: TableWriter<R>,
  rows: readonly R[],
): Promise<void> {
  if (rows.length === 0) return;
  const appender = await connection.createAppender(writer.table);
  for (let first = 0; first < rows.length; first += chunkRows) {
    const part = rows.slice(first, first + chunkRows);
    const chunk = DuckDBDataChunk.create(writer.types, part.length);
    chunk.setColumns(writer.columns(part, first));
    appender.appendDataChunk(chunk);
    // Lets the questions' answers go out meanwhile.
    await setImmediate();
  }
  appender.closeSync();
}
