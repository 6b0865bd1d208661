import { DuckDBMapValue } from "@duckdb/node-api";
import type { MapField } from "../../filter/filter.ts";
import type { EventRow } from "../apply/rows.ts";
import type { Layout } from "./layout.ts";

/** Properties or measures of rows as the table keeps them: what has a column, and what is left in the map. */
export interface SplitMap {
  /** Absent where no row has anything left. */
  readonly rest: DuckDBMapValue[] | undefined;
  /** By their places in the layout, a value for each row; null where it lacks the key. */
  readonly columns: ReadonlyMap<number, readonly (string | number | null)[]>;
}

const noEntries = new DuckDBMapValue([]);

export function splitMap(map: MapField, rows: readonly EventRow[], layout: Layout): SplitMap {
  const columns = new Map<number, (string | number | null)[]>();
  const own = new Map<string, (string | number | null)[]>();
  layout.forEach((column, place) => {
    if (column.map !== map) return;
    const values = Array<string | number | null>(rows.length).fill(null);
    columns.set(place, values);
    own.set(column.key, values);
  });
  let rest: DuckDBMapValue[] | undefined;
  rows.forEach(({ flat }, row) => {
    const values: Readonly<Record<string, string | number>> = flat[map];
    let entries: { key: string; value: string | number }[] | undefined;
    for (const key of Object.keys(values)) {
      const column = own.get(key);
      if (column !== undefined) column[row] = values[key]!;
      else {
        entries ??= [];
        entries.push({ key, value: values[key]! });
      }
    }
    if (entries === undefined) return;
    rest ??= Array<DuckDBMapValue>(rows.length).fill(noEntries);
    rest[row] = new DuckDBMapValue(entries);
  });
  return { rest, columns };
}
