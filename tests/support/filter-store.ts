import { DuckDBInstance } from "@duckdb/node-api";
import type { FilterEvent } from "../../src/filter/evaluate.ts";
import type { Filter } from "../../src/filter/filter.ts";
import type { FrequentKey } from "../../src/store/apply/census.ts";
import { createRowAppender } from "../../src/store/duckdb/append.ts";
import { createDuckdbDialect } from "../../src/store/duckdb/dialect.ts";
import { addColumn, type Layout, nextColumn } from "../../src/store/duckdb/layout.ts";
import { createReader } from "../../src/store/duckdb/reader.ts";
import { prepareSchema } from "../../src/store/duckdb/schema.ts";
import { filterSql } from "../../src/store/sql/filter.ts";
import { render, sql } from "../../src/store/sql/fragment.ts";
import { createFilterClickhouse } from "./filter-clickhouse.ts";
import { testsClickhouse } from "./store.ts";

/**
 * Events in a real DuckDB in memory (or in ClickHouse, see store.ts), in the store's own tables, to be asked by filters
 * alone.
 */
export interface FilterStore {
  /** Holds these events and no others. */
  fill(events: readonly FilterEvent[]): Promise<void>;
  /** What the filter says of each event, in their order: 1 or 0, and NaN for NULL. */
  ask(filter: Filter): Promise<number[]>;
  close(): Promise<void>;
}

/** @param keys that have a column of their own */
export async function createFilterStore(keys: readonly FrequentKey[] = []): Promise<FilterStore> {
  if (testsClickhouse) return createFilterClickhouse(keys);
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const writer = await instance.connect();
  await prepareSchema(writer, ":memory:");
  let layout: Layout = [];
  for (const { map, key } of keys) {
    const column = nextColumn(layout, map, key, false);
    await addColumn(writer, column, layout.length);
    layout = [...layout, column];
  }
  const dialect = createDuckdbDialect(layout);
  const append = createRowAppender(writer);
  const reader = createReader(instance);
  return {
    async fill(events) {
      await writer.run("DELETE FROM events");
      const rows = events.map((flat, offset) => ({ project: "p", flat, partition: 0, offset }));
      await append.events(rows, new Int32Array(events.length), layout);
    },
    async ask(filter) {
      const condition = filterSql(filter, dialect);
      const question = render(
        sql`SELECT ${condition} AS passes FROM events ORDER BY "offset"`,
        dialect.placeholder,
      );
      const answer = await reader.query(0, [question], layout);
      if (!("tables" in answer)) throw new Error("the layout is another");
      return [...(answer.tables[0]!.columns[0] as Float64Array)];
    },
    async close() {
      await reader.close();
      writer.closeSync();
      instance.closeSync();
    },
  };
}
