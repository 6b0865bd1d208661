/**
 * Where a row keeps its properties and measures: a key that occurs often has a column of its own, added as the key
 * appeared, the others share a map. NULL in the column, or no entry in the map, is a missing key. Nobody beyond this
 * folder knows which is which.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { MapField } from "../../filter/filter.ts";

/** A key that has a column. */
export interface KeyColumn {
  readonly map: MapField;
  readonly key: string;
  /** The column's name, made by this program: p0, p1 … for properties, m0, m1 … for measures. */
  readonly name: string;
  /** Whether older rows still keep the key in the map; never both in one row. */
  readonly mixed: boolean;
}

/** In the order of the table's columns, which only ever grows: its length tells one layout from another. */
export type Layout = readonly KeyColumn[];

const columnTypes: Readonly<Record<MapField, { readonly prefix: string; readonly type: string }>> = {
  properties: { prefix: "p", type: "VARCHAR" },
  measures: { prefix: "m", type: "DOUBLE" },
};

/** The column that a key would get in a layout. */
export function nextColumn(layout: Layout, map: MapField, key: string, mixed: boolean): KeyColumn {
  const number = layout.filter((column) => column.map === map).length;
  return { map, key, name: `${columnTypes[map].prefix}${number}`, mixed };
}

/** The column's definition, for CREATE or ALTER TABLE. */
export function columnDefinition({ map, name }: KeyColumn): string {
  return `${name} ${columnTypes[map].type}`;
}

export function columnsOf(layout: Layout, map: MapField): KeyColumn[] {
  return layout.filter((column) => column.map === map);
}

export async function readLayout(connection: DuckDBConnection): Promise<Layout> {
  const result = await connection.runAndReadAll(
    "SELECT map, key, name, mixed FROM key_columns ORDER BY place",
  );
  return result.getRows().map(([map, key, name, mixed]) => ({
    map: map as MapField,
    key: String(key),
    name: String(name),
    mixed: mixed === true,
  }));
}

/** Writes a column down, and adds it to the table of events unless that has it; within the caller's transaction. */
export async function addColumn(
  connection: DuckDBConnection,
  column: KeyColumn,
  place: number,
): Promise<void> {
  await connection.run(`ALTER TABLE events ADD COLUMN ${columnDefinition(column)}`);
  await connection.run("INSERT INTO key_columns VALUES ($1, $2, $3, $4, $5)", [
    place,
    column.map,
    column.key,
    column.name,
    column.mixed,
  ]);
}
