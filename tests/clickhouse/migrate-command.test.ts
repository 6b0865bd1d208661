/** weir migrate, on ClickHouse's engine. */
import { afterAll, expect, it } from "vitest";
import { createConnection } from "../../src/store/clickhouse/connection.ts";
import { schemaVersion } from "../../src/store/clickhouse/migrations.ts";
import { parseUrl } from "../../src/store/clickhouse/url.ts";
import { sharedClickhouse } from "../support/clickhouse.ts";
import { weir } from "../support/process.ts";

const server = await sharedClickhouse();
afterAll(() => server.close());

/** A database of its own, as settings name it. */
const newStore = () => server.newDatabase().replace(/^http/, "clickhouse");

it("runs the steps that are missing, and says which, then that nothing is to be done", async () => {
  const store = newStore();
  const first = await weir(["migrate", "--store", store]);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.stdout).toMatch(/^clickhouse:\/\/\S+: ran schema steps? 1\b/);
  const again = await weir(["migrate"], { env: { WEIR_STORE: store } });
  expect(again).toMatchObject({
    code: 0,
    stdout: `${store}: the schema is up to date, version ${schemaVersion}\n`,
  });
});

it("refuses a schema of a newer version", async () => {
  const store = newStore();
  await weir(["migrate", "--store", store]);
  const connection = createConnection({ url: store.replace(/^clickhouse/, "http"), maxConnections: 1 });
  await connection.command("INSERT INTO schema_migrations (version) VALUES (99)");
  await connection.close();
  const { code, stderr } = await weir(["migrate", "--store", store]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^weir migrate: .* has schema version 99, this program reads \d+: run the newer/);
});

it.each([
  ["events", "CREATE TABLE events (a Int32) ENGINE = MergeTree ORDER BY a"],
  [
    "schema_migrations",
    "CREATE TABLE schema_migrations (version Int64, dirty UInt8, sequence UInt64) ENGINE = TinyLog",
  ],
])("refuses a database with %s of something else, and leaves it as it is", async (name, made) => {
  const store = newStore();
  const { http, server: url, database } = parseUrl(store);
  const maker = createConnection({ url, maxConnections: 1 });
  await maker.command(`CREATE DATABASE ${database}`);
  await maker.close();
  const connection = createConnection({ url: http, maxConnections: 1 });
  await connection.command(made);
  for (const _ of ["first", "again"]) {
    const { code, stdout, stderr } = await weir(["migrate", "--store", store]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      `weir migrate: ${store} has tables of something else (${name}): give the store a database of its own\n`,
    );
  }
  const tables = "SELECT name FROM system.tables WHERE database = currentDatabase()";
  expect((await connection.table({ query: tables, params: {} })).columns).toEqual([[name]]);
  await connection.close();
});

it("says in one line that the server cannot be reached, without the password", async () => {
  const env = {
    WEIR_STORE: "clickhouse://weir@127.0.0.1:1/weir",
    WEIR_CLICKHOUSE_PASSWORD: "hunter2",
  };
  const { code, stdout, stderr } = await weir(["migrate", "--timeout", "1"], { env });
  expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
  expect(stderr).toMatch(
    /^weir migrate: clickhouse:\/\/weir:\*\*\*@127\.0\.0\.1:1\/weir cannot be migrated: /,
  );
  expect(stderr.trimEnd()).not.toContain("\n");
});

it.each([
  [["migrate"], /--store \(WEIR_STORE\): it must name a store on ClickHouse/],
  [["migrate", "--store", "duckdb:x"], /--store \(WEIR_STORE\): it must name a store on ClickHouse/],
  [["migrate", "--store", "clickhouse://u:hunter2@h"], /use WEIR_CLICKHOUSE_PASSWORD/],
  [["migrate", "now"], /it takes no operands/],
])("%j is refused in one line", async (args, says) => {
  const { code, stderr } = await weir(args);
  expect(code).toBe(2);
  expect(stderr).toMatch(says);
  expect(stderr).not.toContain("hunter2");
  expect(stderr.trimEnd()).not.toContain("\n");
});
