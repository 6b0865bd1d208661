import type { SqlEngine } from "../sql/engine.ts";
import { join, sql, trusted } from "../sql/fragment.ts";
import { duckdbDialect } from "./dialect.ts";

/** DuckDB over the tables of schema.ts. */
export const duckdbEngine: SqlEngine = {
  ...duckdbDialect,
  events: sql`events`,
  // Quoted, because partition and offset are words of SQL.
  column: (name) => trusted(`"${name}"`),
  divide: (left, right) => sql`(${left} // ${right})`,
  countDistinct: (value) => sql`count(DISTINCT ${value})`,
  // The compensated sum turns an infinite one into NaN; the plain one keeps it.
  sum: (value) =>
    sql`COALESCE(CASE WHEN isnan(fsum(${value})) THEN sum(${value}) ELSE fsum(${value}) END, 0)`,
  lastBy: (value, order) => sql`arg_max(${value}, row(${join(order, ", ")}))`,
  keyRows: (map) => sql`unnest(map_keys(${trusted(map)})) AS key`,
  propertyRows: () => sql`unnest(map_keys(properties)) AS key, unnest(map_values(properties)) AS value`,
};
