import { DuckDBInstance } from "@duckdb/node-api";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createReader, type Reader } from "../../src/store/duckdb/reader.ts";
import { prepareSchema } from "../../src/store/duckdb/schema.ts";
import { int64, render, type Statement, sql } from "../../src/store/sql/fragment.ts";
import type { Table } from "../../src/store/sql/plan.ts";

const statement = (value: bigint) => render(sql`SELECT ${int64(value)}`, (index) => `$${index}::BIGINT`);
/** Does not end by itself within a lifetime. */
const endless = { sql: "SELECT count(*) FROM range(1000000000) a, range(1000000000) b", params: [] };

let instance: DuckDBInstance;
let reader: Reader;
beforeEach(async () => {
  instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  await prepareSchema(connection, ":memory:");
  connection.closeSync();
  reader = createReader(instance);
});
afterEach(async () => {
  await reader.close();
  instance.closeSync();
});

async function query(id: number, statements: readonly Statement[]): Promise<readonly Table[]> {
  const answer = await reader.query(id, statements, []);
  return "tables" in answer ? answer.tables : [];
}

it("ends a query that was cancelled as it began, as it runs, or between its statements", async () => {
  for (let id = 0; id < 10; id++) {
    const running = query(id, [statement(1n), endless, endless]);
    const outcome = expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    for (let turn = 0; turn < id; turn++) await new Promise(setImmediate);
    reader.cancel(id);
    await outcome;
  }
  const [table] = await query(99, [statement(7n)]);
  expect(table?.columns[0]).toEqual(Float64Array.of(7));
});

it("ends queries that still waited for a thread when they were cancelled", async () => {
  // More than libuv's pool has threads: the last ones have not begun.
  const ids = Array.from({ length: 8 }, (_, id) => id);
  const queries = ids.map((id) => query(id, [endless]));
  const outcomes = Promise.all(
    queries.map((one) => expect(one).rejects.toMatchObject({ code: "CANCELLED" })),
  );
  for (const id of ids) reader.cancel(id);
  await outcomes;
});

it("ends every query when it closes", async () => {
  const queries = [1, 2].map((id) => query(id, [endless]));
  const outcomes = Promise.all(
    queries.map((one) => expect(one).rejects.toMatchObject({ code: "CANCELLED" })),
  );
  await reader.close();
  await outcomes;
});

it("runs the statements of a query on one state of the data", async () => {
  const writer = await instance.connect();
  await writer.run("CREATE TABLE t AS SELECT 1 AS a");
  const count = { sql: "SELECT count(*) FROM t", params: [] };
  const slow = { sql: "SELECT count(*) FROM t, range(50000) a, range(2000) b", params: [] };
  const running = query(1, [count, slow, count]);
  // Rows that come meanwhile, as many as there is time for.
  let ended = false;
  const tables = running.finally(() => {
    ended = true;
  });
  while (!ended) await writer.run("INSERT INTO t VALUES (1)");
  const [first, , last] = await tables;
  expect(last?.columns[0]).toEqual(first?.columns[0]);
  writer.closeSync();
});
