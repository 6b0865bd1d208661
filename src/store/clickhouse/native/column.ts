/** What columns of the Native format hold, decoded into typed arrays, and readers for the types that questions answer with. */
import type { Cursor } from "./cursor.ts";
import { parseType } from "./types.ts";

export type Numbers =
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | Int8Array
  | Int16Array;

/** One column of a block. */
export type NativeColumn =
  /** 64-bit integers too, as the nearest doubles. */
  | { readonly kind: "numbers"; readonly values: Numbers }
  /** Texts are made when they are asked for. */
  | { readonly kind: "texts"; text(row: number): string }
  /** A text of few for each row; the first is null where the column may have NULL. */
  | { readonly kind: "coded"; readonly texts: readonly (string | null)[]; readonly indexes: Numbers }
  /** Four words for each row. */
  | { readonly kind: "keys"; readonly words: Uint32Array }
  | { readonly kind: "optional"; readonly missing: Uint8Array; readonly of: NativeColumn }
  | {
      readonly kind: "maps";
      readonly ends: Numbers;
      readonly keys: NativeColumn;
      readonly values: NativeColumn;
    }
  /** The rows of a tuple's or an array of tuples' columns. */
  | { readonly kind: "rows"; readonly rowCount: number; readonly columns: readonly NativeColumn[] };

/** Reads a type's columns: first what stands before all rows of a block, then the rows. */
export interface ColumnReader {
  begin(cursor: Cursor): void;
  read(cursor: Cursor, rows: number): NativeColumn;
}

const noBeginning = () => {};

const numeric: Readonly<Record<string, { bytes: number; of: (buffer: ArrayBuffer) => Numbers }>> = {
  Bool: { bytes: 1, of: (buffer) => new Uint8Array(buffer) },
  UInt8: { bytes: 1, of: (buffer) => new Uint8Array(buffer) },
  Nothing: { bytes: 1, of: (buffer) => new Uint8Array(buffer) },
  Int8: { bytes: 1, of: (buffer) => new Int8Array(buffer) },
  UInt16: { bytes: 2, of: (buffer) => new Uint16Array(buffer) },
  Int16: { bytes: 2, of: (buffer) => new Int16Array(buffer) },
  UInt32: { bytes: 4, of: (buffer) => new Uint32Array(buffer) },
  Int32: { bytes: 4, of: (buffer) => new Int32Array(buffer) },
  Float64: { bytes: 8, of: (buffer) => new Float64Array(buffer) },
  UInt64: { bytes: 8, of: (buffer) => doubles(new Uint32Array(buffer), new Uint32Array(buffer)) },
  Int64: { bytes: 8, of: (buffer) => doubles(new Uint32Array(buffer), new Int32Array(buffer)) },
};

/** @param high the same words; signed where the integers are */
function doubles(low: Uint32Array, high: Uint32Array | Int32Array): Float64Array {
  const values = new Float64Array(low.length / 2);
  for (let i = 0; i < values.length; i++) values[i] = high[2 * i + 1]! * 2 ** 32 + low[2 * i]!;
  return values;
}

export function columnReader(type: string): ColumnReader {
  const { name, args } = parseType(type);
  const number = numeric[name];
  if (number) {
    const read = (cursor: Cursor, rows: number): NativeColumn => ({
      kind: "numbers",
      values: number.of(cursor.copy(rows * number.bytes)),
    });
    return { begin: noBeginning, read };
  }
  switch (name) {
    case "String":
      return { begin: noBeginning, read: readTexts };
    case "UInt128":
      return {
        begin: noBeginning,
        read: (cursor, rows) => ({ kind: "keys", words: new Uint32Array(cursor.copy(rows * 16)) }),
      };
    case "Nullable":
      return optional(columnReader(args[0]!));
    case "LowCardinality":
      return coded(args[0]!);
    case "Tuple":
      return tuple(args.map(columnReader));
    case "Map":
      return map(columnReader(args[0]!), columnReader(args[1]!));
    case "Array":
      return array(columnReader(args[0]!));
    default:
      throw new TypeError(`no answer has columns of type ${type}`);
  }
}

function readTexts(cursor: Cursor, rows: number): NativeColumn {
  const { bytes } = cursor;
  const bounds = new Uint32Array(2 * rows);
  for (let row = 0; row < rows; row++) {
    const length = cursor.varint();
    const from = cursor.skip(length);
    bounds[2 * row] = from;
    bounds[2 * row + 1] = from + length;
  }
  return { kind: "texts", text: (row) => bytes.toString("utf8", bounds[2 * row], bounds[2 * row + 1]) };
}

function optional(of: ColumnReader): ColumnReader {
  return {
    begin: of.begin,
    read: (cursor, rows) => ({
      kind: "optional",
      missing: new Uint8Array(cursor.copy(rows)),
      of: of.read(cursor, rows),
    }),
  };
}

const indexTypes = ["UInt8", "UInt16", "UInt32", "UInt64"] as const;

/** A block has a dictionary of its own: serialization version 1, without shared dictionaries, as answers have it. */
function coded(of: string): ColumnReader {
  const { name, args } = parseType(of);
  const nullable = name === "Nullable";
  const keyReader = columnReader(nullable ? args[0]! : of);
  return {
    begin(cursor) {
      const version = cursor.u64();
      if (version !== 1) throw new TypeError(`serialization version ${version} of a dictionary is not known`);
    },
    read(cursor, rows) {
      if (rows === 0) return keyReader.read(cursor, 0);
      const flags = cursor.u64();
      const index = numeric[indexTypes[flags & 0xff] ?? "UInt64"]!;
      const size = cursor.u64();
      const keys = keyReader.read(cursor, size);
      const count = cursor.u64();
      if (count !== rows) throw new TypeError(`${rows} rows have ${count} indexes`);
      const indexes = index.of(cursor.copy(rows * index.bytes));
      if (keys.kind === "numbers") return decoded(keys.values, indexes, nullable);
      const texts: (string | null)[] = textsOf(keys, size);
      if (nullable) texts[0] = null;
      return { kind: "coded", texts, indexes };
    },
  };
}

/** What a function made of coded texts. */
function decoded(keys: Numbers, indexes: Numbers, nullable: boolean): NativeColumn {
  const values = Float64Array.from(indexes, (index) => keys[index]!);
  const of: NativeColumn = { kind: "numbers", values };
  return nullable ? { kind: "optional", missing: Uint8Array.from(indexes, (i) => Number(i === 0)), of } : of;
}

function tuple(elements: readonly ColumnReader[]): ColumnReader {
  return {
    begin(cursor) {
      for (const element of elements) element.begin(cursor);
    },
    read: (cursor, rows) => ({
      kind: "rows",
      rowCount: rows,
      columns: elements.map((element) => element.read(cursor, rows)),
    }),
  };
}

function map(keys: ColumnReader, values: ColumnReader): ColumnReader {
  return {
    begin(cursor) {
      keys.begin(cursor);
      values.begin(cursor);
    },
    read(cursor, rows) {
      const ends = numeric.UInt64!.of(cursor.copy(rows * 8));
      const count = ends[rows - 1] ?? 0;
      return { kind: "maps", ends, keys: keys.read(cursor, count), values: values.read(cursor, count) };
    },
  };
}

/** An array of tuples, of which there is one in all: what a whole statement answered. */
function array(of: ColumnReader): ColumnReader {
  return {
    begin: of.begin,
    read(cursor, rows) {
      const ends = numeric.UInt64!.of(cursor.copy(rows * 8));
      return of.read(cursor, ends[rows - 1] ?? 0);
    },
  };
}

function textsOf(column: NativeColumn, rows: number): string[] {
  if (column.kind !== "texts") throw new TypeError("the column holds no texts");
  return Array.from({ length: rows }, (_, row) => column.text(row));
}
