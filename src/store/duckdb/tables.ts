import {
  DuckDBMapValue,
  type DuckDBResult,
  DuckDBStructValue,
  DuckDBTypeId,
  type DuckDBValue,
} from "@duckdb/node-api";
import type { Column, Table } from "../sql/plan.ts";
import type { Layout } from "./layout.ts";

/**
 * Reads a whole result into columns that can be sent to another thread.
 *
 * @param layout that the statement was made for: it tells whose the parts of a map are
 */
export async function readTable(result: DuckDBResult, layout: Layout): Promise<Table> {
  const chunks = await result.fetchAllChunks();
  const rowCount = chunks.reduce((sum, chunk) => sum + chunk.rowCount, 0);
  const columns = result.columnTypes().map((type, index): Column => {
    const values = chunks.flatMap((chunk) => chunk.getColumnValues(index));
    switch (type.typeId) {
      case DuckDBTypeId.VARCHAR:
        return values as (string | null)[];
      case DuckDBTypeId.MAP:
      case DuckDBTypeId.STRUCT: {
        const keys = new Map(layout.map(({ name, key }) => [name, key]));
        return values.map((value) => Object.fromEntries(entriesOf(value, keys)));
      }
      default:
        // Every number that a question selects is a 64-bit integer within 2^53, or a double.
        return Float64Array.from(values, (value) => (value === null ? Number.NaN : Number(value)));
    }
  });
  return { rowCount, columns };
}

type Entry = [key: string, value: string | number];

/** A map, or a struct of a map and of columns, by whose names `keys` has their keys. */
function entriesOf(value: DuckDBValue, keys: ReadonlyMap<string, string>): Entry[] {
  if (value instanceof DuckDBMapValue) {
    return value.entries.map((entry) => [String(entry.key), entry.value as string | number]);
  }
  if (!(value instanceof DuckDBStructValue)) return [];
  return Object.entries(value.entries).flatMap(([name, part]): Entry[] => {
    if (part instanceof DuckDBMapValue) return entriesOf(part, keys);
    return part === null ? [] : [[keys.get(name) ?? name, part as string | number]];
  });
}
