import { setImmediate } from "node:timers/promises";
import {
  BIGINT,
  BLOB,
  DOUBLE,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  INTEGER,
  MAP,
  UUID,
  VARCHAR,
} from "@duckdb/node-api";
import { mapFields } from "../../filter/filter.ts";
import type { DeadLetterRow, EventRow } from "../apply/rows.ts";
import type { Layout } from "./layout.ts";
import { splitMap } from "./maps.ts";
import type { NewUser } from "./users.ts";
import { chunkRows, createVectors, type Vectors } from "./vectors.ts";

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

/** A chunk of a table, and its columns. */
interface Part {
  readonly chunk: DuckDBDataChunk;
  readonly vectors: Vectors;
}

/** Numbers of the columns of what has no column of its own. */
const mapColumns = { properties: 11, measures: 12 };

export function createRowAppender(connection: DuckDBConnection): RowAppender {
  /**
   * One chunk for each table, filled again and again: V8 knows nothing of a chunk's memory, so that chunks thrown away
   * after each use stand about by the hundred until it collects them.
   */
  const parts = new Map<string, Part>();

  function emptyPart(table: string, types: readonly DuckDBType[], rowCount: number): Part {
    let part = parts.get(table);
    if (part?.chunk.columnCount === types.length) part.chunk.reset();
    else {
      const chunk = DuckDBDataChunk.create(types);
      part = { chunk, vectors: createVectors(chunk) };
      parts.set(table, part);
    }
    part.chunk.rowCount = rowCount;
    return part;
  }

  /** @param write writes the columns of `rows`, whose first one is number `first` */
  async function append<R>(
    table: string,
    types: readonly DuckDBType[],
    rows: readonly R[],
    write: (part: Part, rows: readonly R[], first: number) => void,
  ): Promise<void> {
    if (rows.length === 0) return;
    const appender = await connection.createAppender(table);
    for (let first = 0; first < rows.length; first += chunkRows) {
      const some = rows.slice(first, first + chunkRows);
      const part = emptyPart(table, types, some.length);
      write(part, some, first);
      appender.appendDataChunk(part.chunk);
      // Lets the questions' answers go out meanwhile.
      await setImmediate();
    }
    appender.closeSync();
  }

  return {
    users: (users) =>
      append("users", userTypes, users, ({ vectors }, rows) => {
        vectors.integers(0, (row) => rows[row]!.key);
        vectors.texts(1, (row) => rows[row]!.project);
        vectors.texts(2, (row) => rows[row]!.userId);
      }),

    events(events, keys, layout) {
      const keyTypes = layout.map(({ map }) => (map === "properties" ? VARCHAR : DOUBLE));
      return append("events", [...eventTypes, ...keyTypes], events, (part, rows, first) => {
        const { vectors } = part;
        vectors.texts(0, (row) => rows[row]!.project);
        vectors.ids(1, 2, (row) => rows[row]!.flat.id);
        vectors.integers(3, (row) => keys[first + row]!);
        vectors.texts(4, (row) => rows[row]!.flat.userId);
        vectors.texts(5, (row) => rows[row]!.flat.sessionId);
        vectors.texts(6, (row) => rows[row]!.flat.name);
        vectors.texts(7, (row) => rows[row]!.flat.eventType);
        vectors.texts(8, (row) => rows[row]!.flat.source);
        vectors.bigints(9, (row) => rows[row]!.flat.timestampUs);
        vectors.bigints(10, (row) => rows[row]!.flat.receivedUs);
        writeMaps(part, rows, layout);
        vectors.integers(13, (row) => rows[row]!.partition);
        vectors.bigints(14, (row) => rows[row]!.offset);
      });
    },

    deadLetters: (letters, nowUs) =>
      append("dead_letters", deadLetterTypes, letters, ({ chunk }, rows) =>
        chunk.setColumns([
          rows.map((r) => r.partition),
          rows.map((r) => BigInt(r.offset)),
          rows.map((r) => r.project),
          rows.map((r) => r.reason),
          rows.map((r) => r.message),
          rows.map((r) => BigInt(r.receivedUs)),
          rows.map((r) => new DuckDBBlobValue(r.record)),
          rows.map(() => BigInt(nowUs)),
          rows.map(() => null),
        ]),
      ),
  };
}

/** Writes what of the events' properties and measures has a column, and the rest as maps. */
function writeMaps({ chunk, vectors }: Part, rows: readonly EventRow[], layout: Layout): void {
  for (const map of mapFields) {
    const { rest, columns } = splitMap(map, rows, layout);
    const column = mapColumns[map];
    // Once keys have their columns, few rows have anything left.
    if (rest === undefined) vectors.emptyMaps(column);
    else chunk.setColumnValues(column, rest);
    for (const [place, values] of columns) {
      const own = eventTypes.length + place;
      if (map === "properties") vectors.texts(own, (row) => values[row] as string | null);
      else vectors.doubles(own, (row) => values[row] as number | null);
    }
  }
}
