/** Answers of statements as tables. */
import type { Column, Table } from "../../sql/plan.ts";
import type { NativeBlock } from "./blocks.ts";
import type { NativeColumn } from "./column.ts";

/** One table of all blocks. */
export function tableOf(blocks: readonly NativeBlock[]): Table {
  const filled = blocks.filter(({ rowCount }) => rowCount > 0);
  const rowCount = filled.reduce((sum, block) => sum + block.rowCount, 0);
  const [first] = blocks;
  const columns = (first?.columns ?? []).map((_, index) =>
    joined(
      filled.map((block) => plain(block.columns[index]!, block.rowCount)),
      rowCount,
    ),
  );
  return { rowCount, columns };
}

/** The rows that a column holds, as a table. */
export function innerTable(column: NativeColumn | undefined): Table {
  if (column?.kind !== "rows") throw new TypeError("the column holds no rows");
  return { rowCount: column.rowCount, columns: column.columns.map((of) => plain(of, column.rowCount)) };
}

function joined(parts: readonly Column[], rowCount: number): Column {
  const [first] = parts;
  if (parts.length === 1) return first!;
  if (first === undefined || first instanceof Float64Array) {
    const all = new Float64Array(rowCount);
    let at = 0;
    for (const part of parts as readonly Float64Array[]) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
  return (parts as readonly (readonly never[])[]).flat();
}

function plain(column: NativeColumn, rowCount: number): Column {
  switch (column.kind) {
    case "numbers":
      return column.values instanceof Float64Array ? column.values : Float64Array.from(column.values);
    case "texts":
      return Array.from({ length: rowCount }, (_, row) => column.text(row));
    case "coded":
      return Array.from({ length: rowCount }, (_, row) => column.texts[column.indexes[row]!]!);
    case "optional":
      return withMissing(plain(column.of, rowCount), column.missing);
    case "maps":
      return records(column, rowCount);
    default:
      throw new TypeError(`a table has no column of ${column.kind}`);
  }
}

function withMissing(column: Column, missing: Uint8Array): Column {
  if (column instanceof Float64Array) return column.map((value, row) => (missing[row] ? Number.NaN : value));
  return (column as readonly (string | null)[]).map((value, row) => (missing[row] ? null : value));
}

function records({ ends, ...maps }: NativeColumn & { kind: "maps" }, rowCount: number): Column {
  const count = ends[rowCount - 1] ?? 0;
  const keys = plain(maps.keys, count) as readonly string[];
  const values = plain(maps.values, count);
  return Array.from({ length: rowCount }, (_, row) => {
    const from = row === 0 ? 0 : ends[row - 1]!;
    const entries = Array.from({ length: ends[row]! - from }, (_, i) => [
      keys[from + i]!,
      values[from + i] as string | number,
    ]);
    // Unlike an object literal's, the key __proto__ is a key like any other.
    return Object.fromEntries(entries) as Record<string, string | number>;
  });
}
