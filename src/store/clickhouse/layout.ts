/**
 * Columns for keys of properties and measures that occur often. The map has every key all the same, and a column is
 * computed from it (where older parts lack it, as they are read), so that any layout gives the same answers and only
 * their time differs.
 */
import { createHash } from "node:crypto";
import type { MapField } from "../../filter/filter.ts";

/** A key that has a column. */
export interface KeyColumn {
  readonly map: MapField;
  readonly key: string;
  readonly name: string;
}

export type Layout = readonly KeyColumn[];

const prefixes: Readonly<Record<MapField, string>> = { properties: "p", measures: "m" };
const types: Readonly<Record<MapField, string>> = { properties: "String", measures: "Float64" };

/** The name follows from the key: two consumers that add the same one add one column. */
export function keyColumn(map: MapField, key: string): KeyColumn {
  const digest = createHash("sha256").update(key).digest("hex").slice(0, 16);
  return { map, key, name: `${prefixes[map]}_${digest}` };
}

/** NULL where the event lacks the key. */
export function columnDefinition({ map, key, name }: KeyColumn): string {
  // In digits, so that no key can be anything but a text.
  const literal = `unhex('${Buffer.from(key).toString("hex")}')`;
  return `${name} Nullable(${types[map]}) MATERIALIZED if(mapContains(${map}, ${literal}), ${map}[${literal}], NULL)`;
}

export function columnOf(layout: Layout, map: MapField, key: string): KeyColumn | undefined {
  return layout.find((column) => column.map === map && column.key === key);
}
