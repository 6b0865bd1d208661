import type { MapField } from "../../filter/filter.ts";
import type { SqlEngine } from "../sql/engine.ts";
import { type Fragment, join, sql, text, trusted } from "../sql/fragment.ts";
import { createDuckdbDialect, isThere } from "./dialect.ts";
import { columnsOf, type Layout } from "./layout.ts";

/** DuckDB over the tables of schema.ts, whose events have the columns of the layout. */
export function createDuckdbEngine(layout: Layout): SqlEngine {
  return {
    ...createDuckdbDialect(layout),
    events: sql`events`,
    column(name) {
      if (name === "properties" || name === "measures") return wholeMap(layout, name);
      // Quoted, because partition and offset are words of SQL.
      return trusted(`"${name}"`);
    },
    divide: (left, right) => sql`(${left} // ${right})`,
    countDistinct: (value) => sql`count(DISTINCT ${value})`,
    // The compensated sum turns an infinite one into NaN; the plain one keeps it.
    sum: (value) =>
      sql`COALESCE(CASE WHEN isnan(fsum(${value})) THEN sum(${value}) ELSE fsum(${value}) END, 0)`,
    // A fraction must be a constant to the planner; it is a number, so it cannot be anything else.
    quantile: (value, p) => sql`quantile_cont(${value}, CAST(${trusted(String(p))} AS DOUBLE))`,
    firstBy: (value, order) => sql`arg_min(${value}, row(${join(order, ", ")}))`,
    lastBy: (value, order) => sql`arg_max(${value}, row(${join(order, ", ")}))`,
    named: (name, size, query) =>
      sql`${trusted(name)} AS ${trusted(size === "small" ? "MATERIALIZED" : "NOT MATERIALIZED")} (${query})`,
    keyRows: (map) => sql`unnest(${keysOf(layout, map)}) AS key`,
    propertyRows: () =>
      sql`unnest(${keysOf(layout, "properties")}) AS key, unnest(${valuesOf(layout, "properties")}) AS value`,
  };
}

/** All the row's keys or values; made by tables.ts of its parts, since a map would be built for each row that is read. */
function wholeMap(layout: Layout, map: MapField): Fragment {
  const columns = columnsOf(layout, map).map(({ name }) => trusted(name));
  if (columns.length === 0) return trusted(map);
  const fields = [map, ...columns.map(({ texts }) => texts[0]!)].map(
    (name) => sql`${trusted(name)} := ${trusted(name)}`,
  );
  return sql`struct_pack(${join(fields, ", ")})`;
}

/** The row's keys as a list. */
function keysOf(layout: Layout, map: MapField): Fragment {
  const columns = columnsOf(layout, map);
  const inMap = sql`map_keys(${trusted(map)})`;
  if (columns.length === 0) return inMap;
  const keys = columns.map(({ key }) => text(key));
  return sql`list_concat(${inMap}, list_where([${join(keys, ", ")}], [${join(columns.map(isThere), ", ")}]))`;
}

/** The row's values as a list, in the order of its keys. */
function valuesOf(layout: Layout, map: MapField): Fragment {
  const columns = columnsOf(layout, map);
  const inMap = sql`map_values(${trusted(map)})`;
  if (columns.length === 0) return inMap;
  const values = columns.map(({ name }) => trusted(name));
  return sql`list_concat(${inMap}, list_where([${join(values, ", ")}], [${join(columns.map(isThere), ", ")}]))`;
}
