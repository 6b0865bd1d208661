import type { DuckDBConnection } from "@duckdb/node-api";
import type { MapField } from "../../filter/filter.ts";
import { createCensus, type FrequentKey, type KeyColumnLimits } from "../apply/census.ts";
import type { EventRow } from "../apply/rows.ts";
import { addColumn, columnsOf, type KeyColumn, type Layout, nextColumn, readLayout } from "./layout.ts";
import type { Transaction } from "./transaction.ts";

/** Gives frequent keys their columns, ahead of the rows that use them. */
export interface KeyColumns {
  readonly layout: Layout;
  /** Called with a batch before it is appended; adds columns in a transaction of its own. */
  prepare(rows: readonly EventRow[]): Promise<void>;
  /** Called when nothing else is to be written: moves some of what older rows keep in the maps to their columns. */
  settle(): Promise<void>;
}

/** Rows that one transaction moves. */
const settledRows = 20_000;

export async function createKeyColumns(
  connection: DuckDBConnection,
  transaction: Transaction,
  limits: KeyColumnLimits,
): Promise<KeyColumns> {
  let layout = await readLayout(connection);
  const census = createCensus(limits);
  const isFull = (map: MapField) => columnsOf(layout, map).length >= limits[map];
  const has = (map: MapField, key: string) =>
    layout.some((column) => column.map === map && column.key === key) || isFull(map);
  /** Whether definitions wait in the write-ahead file, where a replay could fail on them. */
  let unwritten = false;

  async function checkpoint(): Promise<void> {
    // A question that runs keeps it from being done; it is tried again with the next batch.
    unwritten = await connection.run("CHECKPOINT").then(
      () => false,
      () => true,
    );
  }

  async function add(keys: readonly FrequentKey[]): Promise<void> {
    let next = layout;
    for (const { map, key } of keys) {
      if (columnsOf(next, map).length >= limits[map]) continue;
      next = [...next, nextColumn(next, map, key, await isInMap(connection, map, key))];
    }
    if (next.length === layout.length) return;
    await transaction(async () => {
      for (let place = layout.length; place < next.length; place++) {
        await addColumn(connection, next[place]!, place);
      }
    });
    layout = next;
    await checkpoint();
  }

  return {
    get layout() {
      return layout;
    },
    async prepare(rows) {
      if (unwritten) await checkpoint();
      if (isFull("properties") && isFull("measures")) return;
      await add(census.observe(rows, has));
    },
    async settle() {
      const mixed = layout.filter((column) => column.mixed);
      const [first] = mixed;
      if (first === undefined) return;
      const together = mixed.filter(({ map }) => map === first.map);
      let moved = 0;
      await transaction(async () => {
        moved = await moveToColumns(connection, first.map, together);
        if (moved > 0) return;
        await connection.run("UPDATE key_columns SET mixed = FALSE WHERE map = $1", [first.map]);
      });
      if (moved === 0) layout = layout.map((c) => (c.map === first.map ? { ...c, mixed: false } : c));
    },
  };
}

async function isInMap(connection: DuckDBConnection, map: MapField, key: string): Promise<boolean> {
  const found = await connection.runAndReadAll(
    `SELECT 1 FROM events WHERE map_contains(${map}, $1) LIMIT 1`,
    [key],
  );
  return found.getRows().length > 0;
}

/** Answers how many rows it changed; 0 when none has such a key in its map. */
async function moveToColumns(
  connection: DuckDBConnection,
  map: MapField,
  columns: readonly KeyColumn[],
): Promise<number> {
  const keys = columns.map(({ key }) => key);
  const numbered = columns.map(({ name }, i) => ({ name, key: `$${i + 1}` }));
  const moves = numbered.map(({ name, key }) => `${name} = COALESCE(${map}[${key}], ${name})`);
  const list = numbered.map(({ key }) => key).join(", ");
  const any = numbered.map(({ key }) => `map_contains(${map}, ${key})`).join(" OR ");
  const result = await connection.run(
    `UPDATE events SET ${moves.join(", ")},
       ${map} = map_from_entries(list_filter(map_entries(${map}), lambda e: e.key NOT IN (${list})))
     WHERE rowid IN (SELECT rowid FROM events WHERE ${any} LIMIT ${settledRows})`,
    keys,
  );
  return result.rowsChanged;
}
