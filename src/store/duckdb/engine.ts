import type { MapField } from "../../filter/filter.ts";
import type { SqlEngine } from "../sql/engine.ts";
import { type Fragment, join, sql, text, trusted } from "../sql/fragment.ts";
import { createDuckdbDialect, isThere } from "./dialect.ts";
import { columnsOf, type Layout } from "./layout.ts";
import { createDuckdbTexts } from "./texts.ts";

/** A variable of the reader's connection: the greatest user key, the least being 1. */
export const usersVariable = "weir_users";

/** Bytes that bitmaps of users may take in one aggregation, in each thread. */
const bitmapBytes = 64 * 1024 ** 2;

/**
 * DuckDB over the tables of schema.ts, whose events have the columns of the layout.
 *
 * @param users about how many there are
 */
export function createDuckdbEngine(layout: Layout, users: number): SqlEngine {
  return {
    ...createDuckdbDialect(layout),
    ...createDuckdbTexts(layout),
    events: sql`events`,
    column(name) {
      if (name === "properties" || name === "measures") return wholeMap(layout, name);
      // Quoted, because partition and offset are words of SQL.
      return trusted(`"${name}"`);
    },
    idColumns: [sql`id`, sql`id_text`],
    textCode: (value) => sql`(CAST(hash(${value}) >> 11 AS DOUBLE) + 1)`,
    powerOfTwo: (exponent) => sql`(CAST(1 AS BIGINT) << CAST(${exponent} AS INTEGER))`,
    anyBits: (value) => sql`bit_or(${value})`,
    bit: (value, index) => sql`((${value} >> ${trusted(String(index))}) & 1)`,
    // Integers in the text itself: a list has no type of parameter.
    isBefore: (offsets) => sql`"offset" < [${trusted(offsets.map(BigInt).join(", "))}]["partition" + 1]`,
    divide: (left, right) => sql`(${left} // ${right})`,
    countDistinct: (value) => sql`count(DISTINCT ${value})`,
    countUsers(userKey, groups) {
      if ((groups * users) / 8 > bitmapBytes) return sql`count(DISTINCT ${userKey})`;
      // A bit for each user: seven times as fast by name over ten million events.
      const last = trusted(`CAST(getvariable('${usersVariable}') AS INTEGER)`);
      return sql`COALESCE(bit_count(bitstring_agg(${userKey}, 1, ${last})), 0)`;
    },
    isUser(project, userId) {
      const key = sql`SELECT user_key FROM users WHERE project = ${text(project)} AND user_id = ${text(userId)}`;
      return sql`user_key = COALESCE((${key}), 0)`;
    },
    // The compensated sum turns an infinite one into NaN; the plain one keeps it.
    sum: (value) =>
      sql`COALESCE(CASE WHEN isnan(fsum(${value})) THEN sum(${value}) ELSE fsum(${value}) END, 0)`,
    // A fraction must be a constant to the planner; it is a number, so it cannot be anything else.
    quantile: (value, p) => sql`quantile_cont(${value}, CAST(${trusted(String(p))} AS DOUBLE))`,
    firstBy: (value, order) => sql`arg_min(${value}, row(${join(order, ", ")}))`,
    lastBy: (value, order) => sql`arg_max(${value}, row(${join(order, ", ")}))`,
    previous: (value, window) => sql`lag(${value}) OVER (${window})`,
    named: (name, size, query) =>
      sql`${trusted(name)} AS ${trusted(size === "small" ? "MATERIALIZED" : "NOT MATERIALIZED")} (${query})`,
    keyCounts: (map, from) => keyCounts(layout, map, from),
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

/** Columns are counted as such; only the rows that keep something in the map are unfolded. */
function keyCounts(layout: Layout, map: MapField, from: Fragment): Fragment {
  const columns = columnsOf(layout, map);
  const inMap = sql`
    SELECT key, count(*) AS n
    FROM (SELECT unnest(map_keys(${trusted(map)})) AS key ${from} AND cardinality(${trusted(map)}) > 0) AS every_key
    GROUP BY key`;
  if (columns.length === 0) return inMap;
  const keys = columns.map(({ key }) => text(key));
  const counts = columns.map(({ name }) => trusted(`count(${name})`));
  const inColumns = sql`SELECT unnest([${join(keys, ", ")}]) AS key, unnest([${join(counts, ", ")}]) AS n ${from}`;
  return sql`
    SELECT key, CAST(sum(n) AS BIGINT) AS n FROM (${inColumns} UNION ALL ${inMap}) AS parts
    GROUP BY key HAVING sum(n) > 0`;
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
