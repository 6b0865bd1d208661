import { DuckDBInstance } from "@duckdb/node-api";
import type { FilterEvent } from "../../src/filter/evaluate.ts";
import type { Filter } from "../../src/filter/filter.ts";
import { appendEvents } from "../../src/store/duckdb/append.ts";
import { duckdbDialect } from "../../src/store/duckdb/dialect.ts";
import { createReader } from "../../src/store/duckdb/reader.ts";
import { prepareSchema } from "../../src/store/duckdb/schema.ts";
import { filterSql } from "../../src/store/sql/filter.ts";
import { render, sql } from "../../src/store/sql/fragment.ts";

/** Events in a real DuckDB in memory, in the store's own tables, to be asked by filters alone. */
export interface FilterStore {
  /** Holds these events and no others. */
  fill(events: readonly FilterEvent[]): Promise<void>;
  /** What the filter says of each event, in their order: 1 or 0, and NaN for NULL. */
  ask(filter: Filter): Promise<number[]>;
  close(): Promise<void>;
}

export async function createFilterStore(): Promise<FilterStore> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const writer = await instance.connect();
  await prepareSchema(writer, ":memory:");
  const reader = createReader(instance);
  return {
    async fill(events) {
      await writer.run("DELETE FROM events");
      const rows = events.map((flat, offset) => ({ project: "p", flat, partition: 0, offset }));
      await appendEvents(writer, rows, new Int32Array(events.length));
    },
    async ask(filter) {
      const condition = filterSql(filter, duckdbDialect);
      const question = render(
        sql`SELECT ${condition} AS passes FROM events ORDER BY "offset"`,
        duckdbDialect.placeholder,
      );
      const [table] = await reader.query(0, [question]);
      return [...(table!.columns[0] as Float64Array)];
    },
    async close() {
      await reader.close();
      writer.closeSync();
      instance.closeSync();
    },
  };
}
