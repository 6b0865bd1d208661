/**
 * Columns of a data chunk, written straight into the memory of its vectors. The binding's own way sets value by value,
 * with several objects for each, which took half of the time of an append.
 *
 * The layouts are those of DuckDB's C API on little-endian machines, the only ones that the binding is built for.
 */
import type { DuckDBDataChunk } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { writeUuid } from "./ids.ts";

/** Gives a row's value. */
type ValueOf<T> = (row: number) => T;

/** Writes whole columns of a chunk that was reset and has its number of rows. */
export interface Vectors {
  /** VARCHAR. */
  texts(column: number, read: ValueOf<string | null>): void;
  /** A UUID, and a VARCHAR for what is none; of both one is NULL. */
  ids(uuidColumn: number, textColumn: number, idOf: ValueOf<string>): void;
  /** INTEGER. */
  integers(column: number, read: ValueOf<number>): void;
  /** BIGINT, of whole numbers that a double holds exactly. */
  bigints(column: number, read: ValueOf<number>): void;
  doubles(column: number, read: ValueOf<number | null>): void;
  /** A MAP of any types, without entries in any row. */
  emptyMaps(column: number): void;
}

/** Rows of a data chunk: DuckDB's vector size. */
export const chunkRows = 2048;

/** A text (duckdb_string_t), a UUID (duckdb_hugeint) and a list's offset and length each take as many. */
const wideBytes = 16;
/** Bytes of a text that stand in it, behind its length; a longer one is kept apart. */
const inlinedBytes = 12;

const data = new ArrayBuffer(chunkRows * wideBytes);
const bytes = new Uint8Array(data);
const words = new Uint32Array(data);
const integers = new Int32Array(data);
const doubles = new Float64Array(data);
/** A bit for each row, 0 where it is NULL. */
const valid = new Uint8Array(chunkRows / 8);

export function createVectors({ chunk }: DuckDBDataChunk): Vectors {
  const vectors = Array.from({ length: duckdb.data_chunk_get_column_count(chunk) }, (_, column) =>
    duckdb.data_chunk_get_vector(chunk, column),
  );
  /** Rows whose texts are kept apart. */
  const apart: number[] = [];
  const texts = Array<string | null>(chunkRows).fill(null);
  let nulls = 0;

  const rowCount = () => duckdb.data_chunk_get_size(chunk);

  function setNull(row: number): void {
    if (nulls++ === 0) valid.fill(0xff);
    valid[row >>> 3]! &= ~(1 << (row & 7));
  }

  function copy(column: number, length: number): void {
    const vector = vectors[column]!;
    duckdb.copy_data_to_vector(vector, 0, data, 0, length);
    if (nulls === 0) return;
    nulls = 0;
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, valid.buffer, 0, valid.length);
  }

  function writeTexts(column: number, read: ValueOf<string | null>): void {
    const rows = rowCount();
    apart.length = 0;
    for (let row = 0; row < rows; row++) {
      const text = read(row);
      if (text === null) setNull(row);
      if (!writeInlined(text ?? "", row * wideBytes)) apart.push(row);
    }
    copy(column, rows * wideBytes);
    const vector = vectors[column]!;
    for (const row of apart) duckdb.vector_assign_string_element(vector, row, read(row)!);
  }

  return {
    texts: writeTexts,
    ids(uuidColumn, textColumn, idOf) {
      const rows = rowCount();
      for (let row = 0; row < rows; row++) {
        const id = idOf(row);
        const isUuid = writeUuid(id, bytes, row * wideBytes);
        texts[row] = isUuid ? null : id;
        if (!isUuid) setNull(row);
      }
      copy(uuidColumn, rows * wideBytes);
      writeTexts(textColumn, (row) => texts[row]!);
    },
    integers(column, read) {
      const rows = rowCount();
      for (let row = 0; row < rows; row++) integers[row] = read(row);
      copy(column, rows * 4);
    },
    bigints(column, read) {
      const rows = rowCount();
      for (let row = 0; row < rows; row++) {
        const value = read(row);
        const high = Math.floor(value / 2 ** 32);
        words[2 * row] = value - high * 2 ** 32;
        integers[2 * row + 1] = high;
      }
      copy(column, rows * 8);
    },
    doubles(column, read) {
      const rows = rowCount();
      for (let row = 0; row < rows; row++) {
        const value = read(row);
        if (value === null) setNull(row);
        doubles[row] = value ?? 0;
      }
      copy(column, rows * 8);
    },
    emptyMaps(column) {
      const length = rowCount() * wideBytes;
      bytes.fill(0, 0, length);
      copy(column, length);
      duckdb.list_vector_set_size(vectors[column]!, 0);
    },
  };
}

/** Answers whether it could: the text is short, and ASCII. */
function writeInlined(text: string, at: number): boolean {
  const { length } = text;
  if (length > inlinedBytes) return false;
  const word = at >>> 2;
  words[word] = length;
  // What a short text leaves over is compared too.
  words[word + 1] = 0;
  words[word + 2] = 0;
  words[word + 3] = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return false;
    bytes[at + 4 + i] = code;
  }
  return true;
}
