import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import type { ExportFormat } from "../../src/store/exports.ts";
import type { EventStore } from "../../src/store/store.ts";
import { type TemporaryClickhouse, temporaryClickhouse } from "../support/clickhouse-store.ts";
import { parseCsv } from "../support/csv.ts";
import { rest, startExport } from "../support/exports.ts";
import { oddEvents } from "../support/odd-events.ts";
import { createFeed, storePartitions } from "../support/store.ts";

const directory = mkdtempSync(join(tmpdir(), "weir-exports-"));
let clickhouse: TemporaryClickhouse;
let duckdb: EventStore;

beforeAll(async () => {
  clickhouse = await temporaryClickhouse(storePartitions);
  duckdb = await createDuckdbStore({ path: join(directory, "events.duckdb") });
  await duckdb.bind("log", storePartitions);
  const { blocks } = createFeed().blocks(oddEvents(1000).map((event) => ({ event })));
  for (const store of [clickhouse.store, duckdb]) await store.apply(blocks);
});
afterAll(async () => {
  await Promise.all([clickhouse.remove(), duckdb.close()]);
  rmSync(directory, { recursive: true });
});

const exported = (store: EventStore, format: ExportFormat) => rest(startExport(store, format));

describe("an export says of odd events what DuckDB's says", () => {
  it("in lines of JSON, in the same order", async () => {
    const lines = async (store: EventStore) =>
      (await exported(store, "ndjson"))
        .toString()
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    const own = await lines(clickhouse.store);
    expect(own).toHaveLength(1000);
    expect(own).toEqual(await lines(duckdb));
  });

  it("in CSV, in the same order", async () => {
    const cells = async (store: EventStore) =>
      parseCsv((await exported(store, "csv")).toString()).map((row, i) => [
        ...row.slice(0, 8),
        ...row.slice(8).map((maps) => (i === 0 ? maps : JSON.parse(maps))),
      ]);
    expect(await cells(clickhouse.store)).toEqual(await cells(duckdb));
  });

  it("in Parquet, in any order", async () => {
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const rows = async (store: EventStore, name: string) => {
      const file = join(directory, `${name}.parquet`);
      writeFileSync(file, await exported(store, "parquet"));
      const columns =
        "id, user_id, session_id, event_type, name, epoch_us(timestamp), source, epoch_us(received_time)";
      const result = await connection.runAndReadAll(
        `SELECT ${columns}, to_json(properties)::VARCHAR, to_json(measures)::VARCHAR FROM read_parquet('${file}')
         ORDER BY ALL`,
      );
      return result.getRows().map((row) => row.map(String));
    };
    expect(await rows(clickhouse.store, "clickhouse")).toEqual(await rows(duckdb, "duckdb"));
    connection.closeSync();
    instance.closeSync();
  });
});
