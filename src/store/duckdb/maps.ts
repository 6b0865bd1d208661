import { DuckDBMapValue, type DuckDBValue } from "@duckdb/node-api";
import type { MapField } from "../../filter/filter.ts";
import type { EventRow } from "../apply/rows.ts";
import type { Layout } from "./layout.ts";

/** Properties and measures of rows as the table keeps them: what has a column, and what is left in the maps. */
export interface SplitMaps {
  readonly properties: DuckDBMapValue[];
  readonly measures: DuckDBMapValue[];
  /** In the order of the layout; null where a row lacks the key. */
  readonly columns: DuckDBValue[][];
}

const noEntries = new DuckDBMapValue([]);

export function splitMaps(rows: readonly EventRow[], layout: Layout): SplitMaps {
  const columns = layout.map(() => Array<DuckDBValue>(rows.length).fill(null));
  const split = (map: MapField): DuckDBMapValue[] => {
    const own = new Map<string, DuckDBValue[]>();
    layout.forEach((column, place) => {
      if (column.map === map) own.set(column.key, columns[place]!);
    });
    return rows.map(({ flat }, row) => {
      const values: Readonly<Record<string, DuckDBValue>> = flat[map];
      let rest: { key: string; value: DuckDBValue }[] | undefined;
      for (const key of Object.keys(values)) {
        const column = own.get(key);
        if (column !== undefined) column[row] = values[key]!;
        else {
          rest ??= [];
          rest.push({ key, value: values[key]! });
        }
      }
      return rest === undefined ? noEntries : new DuckDBMapValue(rest);
    });
  };
  return { properties: split("properties"), measures: split("measures"), columns };
}
