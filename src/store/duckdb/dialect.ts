import type { SqlDialect } from "../sql/dialect.ts";
import { type Param, sql, text, trusted } from "../sql/fragment.ts";

const types: Readonly<Record<Param["type"], string>> = { text: "VARCHAR", double: "DOUBLE", int64: "BIGINT" };

/**
 * DuckDB over a row of `events`: id, user_id, session_id, name, event_type, source VARCHAR; timestamp_us, received_us
 * BIGINT; properties MAP(VARCHAR, VARCHAR), measures MAP(VARCHAR, DOUBLE), neither with NULL. It wants what are DuckDB's
 * defaults: binary collation, and ieee_floating_point_ops.
 */
export const duckdbDialect: SqlDialect = {
  // A parameter without a type can end the whole database (an internal error in the planner), so each is cast.
  placeholder: (index, type) => `CAST($${index} AS ${types[type]})`,

  textField: (field) => trusted(field),
  timeField: (field) => (field === "timestamp" ? sql`timestamp_us` : sql`received_us`),
  property: (key) => sql`properties[${text(key)}]`,
  measure: (key) => sql`measures[${text(key)}]`,
  hasKey: (map, key) => sql`map_contains(${trusted(map)}, ${text(key)})`,
  mapSize: (map) => sql`CAST(cardinality(${trusted(map)}) AS DOUBLE)`,

  startsWith: (value, part) => sql`starts_with(${value}, ${part})`,
  endsWith: (value, part) => sql`ends_with(${value}, ${part})`,
  contains: (value, part) => sql`contains(${value}, ${part})`,
  // DuckDB turns simple patterns into LIKE, and some of them wrongly ('a^' then matches 'a'); it leaves a group alone.
  matches: (value, pattern) => sql`regexp_matches(${value}, ${text(`(${pattern})`)})`,
  textSize: (value) => sql`CAST(length(${value}) AS DOUBLE)`,

  // A list of one result, which is emptied where it is not finite: a CASE would spell the result twice, and a tree of
  // them double with each level.
  arithmetic: (op, left, right) =>
    sql`list_filter([${left} ${trusted(op)} ${right}], lambda x: isfinite(x))[1]`,
};
