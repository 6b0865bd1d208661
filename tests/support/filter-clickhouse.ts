import type { FrequentKey } from "../../src/store/apply/census.ts";
import { bind } from "../../src/store/clickhouse/bind.ts";
import { createConnection } from "../../src/store/clickhouse/connection.ts";
import { createClickhouseDialect } from "../../src/store/clickhouse/dialect.ts";
import { createInserts } from "../../src/store/clickhouse/inserts.ts";
import { columnDefinition, keyColumn } from "../../src/store/clickhouse/layout.ts";
import { filterSql } from "../../src/store/sql/filter.ts";
import { render, sql, text } from "../../src/store/sql/fragment.ts";
import { migratedDatabase } from "./clickhouse-store.ts";
import type { FilterStore } from "./filter-store.ts";

/** As createFilterStore, on ClickHouse. */
export async function createFilterClickhouse(keys: readonly FrequentKey[]): Promise<FilterStore> {
  const url = await migratedDatabase();
  const connection = createConnection({ url, maxConnections: 2 });
  const layout = keys.map(({ map, key }) => keyColumn(map, key));
  for (const column of layout)
    await connection.command(`ALTER TABLE events ADD COLUMN ${columnDefinition(column)}`);
  const dialect = createClickhouseDialect(layout);
  const inserts = createInserts(connection, 30_000);
  let fills = 0;
  let project = "";
  return {
    async fill(events) {
      // A project of their own is quicker than an emptied table.
      project = `p${++fills}`;
      const rows = events.map((flat, offset) => ({ project, flat, partition: 0, offset }));
      await inserts.events(rows, new Map([[0, 1]]));
    },
    async ask(filter) {
      const query = sql`SELECT ${filterSql(filter, dialect)} AS passes FROM events WHERE project = ${text(project)} ORDER BY offset`;
      const { columns } = await connection.table(bind(render(query, dialect.placeholder)));
      return [...(columns[0] as Float64Array)];
    },
    close: () => connection.close(),
  };
}
