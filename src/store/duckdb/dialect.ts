import type { MapField } from "../../filter/filter.ts";
import type { SqlDialect } from "../sql/dialect.ts";
import { double, type Fragment, join, type Param, sql, text, trusted } from "../sql/fragment.ts";
import { columnsOf, type KeyColumn, type Layout } from "./layout.ts";

const types: Readonly<Record<Param["type"], string>> = { text: "VARCHAR", double: "DOUBLE", int64: "BIGINT" };

/**
 * DuckDB over a row of `events` (schema.ts) whose frequent keys have the columns of the layout. Texts have no NULL, a
 * key's column is NULL where the row lacks it. It wants what are DuckDB's defaults: binary collation, and
 * ieee_floating_point_ops.
 */
export function createDuckdbDialect(layout: Layout): SqlDialect {
  const columns = new Map(layout.map((column) => [`${column.map}.${column.key}`, column]));
  const columnOf = (map: MapField, key: string) => columns.get(`${map}.${key}`);
  const value = (map: MapField, key: string): Fragment => {
    const column = columnOf(map, key);
    if (column === undefined) return sql`${trusted(map)}[${text(key)}]`;
    if (!column.mixed) return trusted(column.name);
    return sql`COALESCE(${trusted(column.name)}, ${trusted(map)}[${text(key)}])`;
  };

  return {
    // A parameter without a type can end the whole database (an internal error in the planner), so each is cast.
    placeholder: (index, type) => `CAST($${index} AS ${types[type]})`,

    textField: (field) => (field === "id" ? sql`COALESCE(id_text, CAST(id AS VARCHAR))` : trusted(field)),
    timeField: (field) => (field === "timestamp" ? sql`timestamp_us` : sql`received_us`),
    property: (key) => value("properties", key),
    measure: (key) => value("measures", key),
    hasKey(map, key) {
      const inMap = sql`map_contains(${trusted(map)}, ${text(key)})`;
      const column = columnOf(map, key);
      if (column === undefined) return inMap;
      return column.mixed ? sql`(${isThere(column)} OR ${inMap})` : sql`(${isThere(column)})`;
    },
    mapSize(map) {
      const own = columnsOf(layout, map).map((column) => sql`CAST(${isThere(column)} AS INTEGER)`);
      return sql`CAST((${join([sql`cardinality(${trusted(map)})`, ...own], " + ")}) AS DOUBLE)`;
    },

    startsWith: (value, part) => sql`starts_with(${value}, ${part})`,
    endsWith: (value, part) => sql`ends_with(${value}, ${part})`,
    contains: (value, part) => sql`contains(${value}, ${part})`,
    // DuckDB turns simple patterns into LIKE, and some of them wrongly ('a^' then matches 'a'); it leaves a group alone.
    matches: (value, pattern) => sql`regexp_matches(${value}, ${text(`(${pattern})`)})`,
    textSize: (value) => sql`CAST(length(${value}) AS DOUBLE)`,

    isOneOf: (value, values) => sql`${value} IN (${join(values.map(double), ", ")})`,
    // A list of one result, which is emptied where it is not finite: a CASE would spell the result twice, and a tree of
    // them double with each level.
    arithmetic: (op, left, right) =>
      sql`list_filter([${left} ${trusted(op)} ${right}], lambda x: isfinite(x))[1]`,
  };
}

/** Whether the row has the key in its column, as a boolean without NULL. */
export function isThere({ name }: KeyColumn): Fragment {
  return sql`${trusted(name)} IS NOT NULL`;
}
