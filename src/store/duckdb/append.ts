import { setImmediate } from "node:timers/promises";
import {
  BIGINT,
  BLOB,
  DOUBLE,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  MAP,
  UUID,
  VARCHAR,
} from "@duckdb/node-api";
import type { DeadLetterRow, EventRow } from "../apply/rows.ts";
import { uuidOf } from "./ids.ts";
import type { Layout } from "./layout.ts";
import { splitMaps } from "./maps.ts";
import type { NewUser } from "./users.ts";

/** Appends rows within the connection's transaction. One call at a time. */
export interface RowAppender {
  users(rows: readonly NewUser[]): Promise<void>;
  /**
   * @param keys the user's key of each row
   * @param layout the key columns that the table has
   */
  events(rows: readonly EventRow[], keys: Int32Array, layout: Layout): Promise<void>;
  /** @param nowUs when they became dead letters */
  deadLetters(rows: readonly DeadLetterRow[], nowUs: number): Promise<void>;
}

/** Rows of a data chunk: DuckDB's vector size. */
const chunkRows = 2048;

const userTypes = [INTEGER, VARCHAR, VARCHAR];
const deadLetterTypes = [INTEGER, BIGINT, VARCHAR, VARCHAR, VARCHAR, BIGINT, BLOB, BIGINT, BIGINT];
const eventTypes = [
  VARCHAR,
  UUID,
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
];

export function createRowAppender(connection: DuckDBConnection): RowAppender {
  /**
   * One chunk for each table, filled again and again: V8 knows nothing of a chunk's memory, so that chunks thrown away
   * after each use stand about by the hundred until it collects them.
   */
  const chunks = new Map<string, DuckDBDataChunk>();

  function emptyChunk(table: string, types: readonly DuckDBType[]): DuckDBDataChunk {
    const used = chunks.get(table);
    if (used?.columnCount === types.length) {
      used.reset();
      return used;
    }
    const chunk = DuckDBDataChunk.create(types);
    chunks.set(table, chunk);
    return chunk;
  }

  /** @param columns the values of `part`, whose first row is number `first`, in the order of the table's columns */
  async function append<R>(
    table: string,
    types: readonly DuckDBType[],
    rows: readonly R[],
    columns: (part: readonly R[], first: number) => DuckDBValue[][],
  ): Promise<void> {
    if (rows.length === 0) return;
    const appender = await connection.createAppender(table);
    for (let first = 0; first < rows.length; first += chunkRows) {
      const part = rows.slice(first, first + chunkRows);
      const chunk = emptyChunk(table, types);
      chunk.rowCount = part.length;
      chunk.setColumns(columns(part, first));
      appender.appendDataChunk(chunk);
      // Lets the questions' answers go out meanwhile.
      await setImmediate();
    }
    appender.closeSync();
  }

  return {
    users: (rows) =>
      append("users", userTypes, rows, (part) => [
        part.map((r) => r.key),
        part.map((r) => r.project),
        part.map((r) => r.userId),
      ]),

    events(rows, keys, layout) {
      const keyTypes = layout.map(({ map }) => (map === "properties" ? VARCHAR : DOUBLE));
      return append("events", [...eventTypes, ...keyTypes], rows, (part, first) => {
        const uuids = part.map(({ flat }) => uuidOf(flat.id) ?? null);
        const { properties, measures, columns } = splitMaps(part, layout);
        return [
          part.map((r) => r.project),
          uuids,
          part.map(({ flat }, i) => (uuids[i] === null ? flat.id : null)),
          Array.from(keys.subarray(first, first + part.length)),
          part.map(({ flat }) => flat.userId),
          part.map(({ flat }) => flat.sessionId),
          part.map(({ flat }) => flat.name),
          part.map(({ flat }) => flat.eventType),
          part.map(({ flat }) => flat.source),
          part.map(({ flat }) => BigInt(flat.timestampUs)),
          part.map(({ flat }) => BigInt(flat.receivedUs)),
          properties,
          measures,
          part.map((r) => r.partition),
          part.map((r) => BigInt(r.offset)),
          ...columns,
        ];
      });
    },

    deadLetters: (rows, nowUs) =>
      append("dead_letters", deadLetterTypes, rows, (part) => [
        part.map((r) => r.partition),
        part.map((r) => BigInt(r.offset)),
        part.map((r) => r.project),
        part.map((r) => r.reason),
        part.map((r) => r.message),
        part.map((r) => BigInt(r.receivedUs)),
        part.map((r) => new DuckDBBlobValue(r.record)),
        part.map(() => BigInt(nowUs)),
        part.map(() => null),
      ]),
  };
}
