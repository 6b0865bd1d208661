import type { SqlDialect } from "../sql/dialect.ts";
import { double, type Fragment, join, type Param, sql, text, trusted } from "../sql/fragment.ts";
import { columnOf, type KeyColumn, type Layout } from "./layout.ts";
import { asciiPattern } from "./pattern.ts";

/** A double's bits: the text of a number would be read with an error in its last place. */
const placeholders: Readonly<Record<Param["type"], (index: number) => string>> = {
  text: (index) => `{p${index}:String}`,
  double: (index) => `reinterpretAsFloat64({p${index}:UInt64})`,
  int64: (index) => `{p${index}:Int64}`,
};

/**
 * ClickHouse over a row of `events` (migrations.ts) whose frequent keys have the columns of the layout too. It wants the
 * settings of settings.ts.
 */
export function createClickhouseDialect(layout: Layout): SqlDialect {
  const has = (map: Fragment, key: string) => sql`mapContains(${map}, ${text(key)})`;
  return {
    placeholder: (index, type) => placeholders[type](index),

    textField: (field) => trusted(field),
    timeField: (field) => (field === "timestamp" ? sql`timestamp_us` : sql`received_us`),
    property(key) {
      const column = columnOf(layout, "properties", key);
      // A map's missing value is the empty text, as in all that is said of properties.
      return column ? nameOf(column) : sql`properties[${text(key)}]`;
    },
    measure(key) {
      const column = columnOf(layout, "measures", key);
      if (column) return nameOf(column);
      return sql`if(${has(sql`measures`, key)}, measures[${text(key)}], NULL)`;
    },
    hasKey(map, key) {
      const column = columnOf(layout, map, key);
      return column ? sql`isNotNull(${nameOf(column)})` : has(trusted(map), key);
    },
    mapSize: (map) => sql`toFloat64(length(mapKeys(${trusted(map)})))`,

    startsWith: (value, part) => sql`startsWith(${value}, ${part})`,
    endsWith: (value, part) => sql`endsWith(${value}, ${part})`,
    contains: (value, part) => sql`(position(${value}, ${part}) > 0)`,
    // Here `.` matches a newline unless it is told not to.
    matches: (value, pattern) => sql`match(${value}, ${text(`(?-s:${asciiPattern(pattern)})`)})`,
    textSize: (value) => sql`toFloat64(lengthUTF8(${value}))`,

    arithmetic: (op, left, right) => sql`ifNotFinite(${left} ${trusted(op)} ${right}, NULL)`,
    // IN compares the bits, by which zero has a sign.
    isOneOf: (value, values) => sql`(${value} + 0.) IN (${join(values.map(positiveZero), ", ")})`,
  };
}

function positiveZero(value: number): Param {
  return double(value + 0);
}

function nameOf({ name }: KeyColumn): Fragment {
  return trusted(name);
}
