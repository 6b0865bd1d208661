import type { SqlEngine } from "../sql/engine.ts";
import { join, sql, text, trusted } from "../sql/fragment.ts";
import { createClickhouseDialect } from "./dialect.ts";
import type { Layout } from "./layout.ts";
import { createClickhouseTexts } from "./texts.ts";
import { visibleRows } from "./visible.ts";

/** ClickHouse over the tables of migrations.ts. It wants the settings of settings.ts. */
export function createClickhouseEngine(layout: Layout): SqlEngine {
  return {
    ...createClickhouseDialect(layout),
    ...createClickhouseTexts(),
    events: sql`events`,
    visible: visibleRows,
    column: (name) => trusted(`\`${name}\``),
    idColumns: [sql`id`],
    feedText: (value) => sql`toLowCardinality(${value})`,
    textCode: (value) => sql`(toFloat64(bitShiftRight(sipHash64(${value}), 11)) + 1)`,
    // It is computed for rows too that a join or a condition leaves out later.
    powerOfTwo: (exponent) => sql`bitShiftLeft(toInt64(1), greatest(${exponent}, 0))`,
    anyBits: (value) => sql`groupBitOr(${value})`,
    bit: (value, index) => sql`bitAnd(bitShiftRight(${value}, ${trusted(String(index))}), 1)`,
    isBefore: (offsets) => sql`offset < [${trusted(offsets.map(BigInt).join(", "))}][partition + 1]`,
    divide: (left, right) => sql`intDiv(${left}, ${right})`,
    countDistinct: (value) => sql`COALESCE(uniqExact(${value}), 0)`,
    countUsers: (userKey) => sql`COALESCE(uniqExact(${userKey}), 0)`,
    isUser: (_, userId) => sql`(user_key = ${userKeyOf(sql`${text(userId)}`)} AND user_id = ${text(userId)})`,
    // The compensated sum turns an infinite one into NaN; the plain one keeps it.
    sum: (value) => sql`COALESCE(if(isNaN(sumKahan(${value})), sum(${value}), sumKahan(${value})), 0)`,
    // A fraction must be a constant of the text; it is a number, so it cannot be anything else.
    quantile: (value, p) => sql`quantileExactInclusive(${trusted(String(p))})(${value})`,
    firstBy: (value, order) => sql`argMin(${value}, tuple(${join(order, ", ")}))`,
    lastBy: (value, order) => sql`argMax(${value}, tuple(${join(order, ", ")}))`,
    previous: (value, window) => sql`lag(toNullable(${value})) OVER (${window})`,
    named: (name, _, query) => sql`${trusted(name)} AS (${query})`,
    keyCounts: (map, from) =>
      sql`SELECT key, count(*) AS n FROM (SELECT arrayJoin(mapKeys(${trusted(map)})) AS key ${from}) AS every_key GROUP BY key`,
    propertyRows() {
      // One arrayJoin, however often it is spelled.
      const entry = sql`arrayJoin(arrayZip(mapKeys(properties), mapValues(properties)))`;
      return sql`tupleElement(${entry}, 1) AS key, tupleElement(${entry}, 2) AS value`;
    },
  };
}

/** As the column user_key has it: ClickHouse's own exact counts of texts go by the same hash. */
export function userKeyOf(userId: ReturnType<typeof sql>) {
  return sql`reinterpretAsUInt128(sipHash128(${userId}))`;
}
