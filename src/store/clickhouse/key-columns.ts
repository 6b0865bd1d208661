import { type MapField, mapFields } from "../../filter/filter.ts";
import { createCensus, type KeyColumnLimits } from "../apply/census.ts";
import type { EventRow } from "../apply/rows.ts";
import { rows, texts } from "../sql/plan.ts";
import { bind } from "./bind.ts";
import type { Connection } from "./connection.ts";
import { columnDefinition, columnOf, keyColumn, type Layout } from "./layout.ts";

/** Gives frequent keys their columns. */
export interface KeyColumns {
  readonly layout: Layout;
  /** Called with a batch before it is inserted. */
  prepare(rows: readonly EventRow[]): Promise<void>;
  /** Reads the layout again, which another process may have added to. */
  refresh(): Promise<void>;
}

export async function createKeyColumns(connection: Connection, limits: KeyColumnLimits): Promise<KeyColumns> {
  let layout = await readLayout(connection);
  const census = createCensus(limits);
  const isFull = (map: MapField) => layout.filter((column) => column.map === map).length >= limits[map];
  const has = (map: MapField, key: string) => columnOf(layout, map, key) !== undefined || isFull(map);

  return {
    get layout() {
      return layout;
    },
    async prepare(events) {
      if (mapFields.every(isFull)) return;
      for (const { map, key } of census.observe(events, has)) {
        if (has(map, key)) continue;
        const column = keyColumn(map, key);
        await connection.command(`ALTER TABLE events ADD COLUMN IF NOT EXISTS ${columnDefinition(column)}`);
        // Written down only once it is there.
        await connection.command(
          `INSERT INTO key_columns VALUES ('${map}', unhex('${Buffer.from(key).toString("hex")}'), '${column.name}')`,
        );
        layout = [...layout, column];
      }
    },
    async refresh() {
      layout = await readLayout(connection);
    },
  };
}

async function readLayout(connection: Connection): Promise<Layout> {
  const statement = { sql: "SELECT DISTINCT map, key, name FROM key_columns ORDER BY map, key", params: [] };
  const table = await connection.table(bind(statement));
  return rows(table, (i) => ({
    map: texts(table, 0)[i] as MapField,
    key: texts(table, 1)[i]!,
    name: texts(table, 2)[i]!,
  }));
}
