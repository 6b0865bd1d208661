import { DuckDBMapValue, type DuckDBResult, DuckDBTypeId, type DuckDBValue } from "@duckdb/node-api";
import type { Column, Table } from "../sql/plan.ts";

/** Reads a whole result into columns that can be sent to another thread. */
export async function readTable(result: DuckDBResult): Promise<Table> {
  const chunks = await result.fetchAllChunks();
  const rowCount = chunks.reduce((sum, chunk) => sum + chunk.rowCount, 0);
  const columns = result.columnTypes().map((type, index): Column => {
    const values = chunks.flatMap((chunk) => chunk.getColumnValues(index));
    switch (type.typeId) {
      case DuckDBTypeId.VARCHAR:
        return values as (string | null)[];
      case DuckDBTypeId.MAP:
        return values.map(mapOf);
      default:
        // Every number that a question selects is a 64-bit integer within 2^53, or a double.
        return Float64Array.from(values, (value) => (value === null ? Number.NaN : Number(value)));
    }
  });
  return { rowCount, columns };
}

function mapOf(value: DuckDBValue): Record<string, string | number> {
  if (!(value instanceof DuckDBMapValue)) return {};
  return Object.fromEntries(value.entries.map((entry) => [entry.key, entry.value]));
}
