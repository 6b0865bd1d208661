import { afterAll, expect, it } from "vitest";
import { createConnection } from "../../src/store/clickhouse/connection.ts";
import { migrateClickhouse } from "../../src/store/clickhouse/migrate.ts";
import { schemaVersion } from "../../src/store/clickhouse/migrations.ts";
import { createClickhouseStore } from "../../src/store/clickhouse/store.ts";
import { StoreStartError } from "../../src/store/store.ts";
import { sharedClickhouse, startEngine } from "../support/clickhouse.ts";
import { memoryArbiter, testSecret } from "../support/clickhouse-store.ts";
import { weir } from "../support/process.ts";
import { patiently } from "../support/store.ts";

const server = await sharedClickhouse();
afterAll(() => server.close());

const open = (url: string, startTimeoutMs = 30_000) =>
  createClickhouseStore({ url, arbiter: memoryArbiter(), idSecret: testSecret, startTimeoutMs });

async function run(url: string, ...statements: readonly string[]): Promise<void> {
  const connection = createConnection({ url, maxConnections: 1 });
  for (const statement of statements) await connection.command(statement);
  await connection.close();
}

it("migrates an empty server, and finds nothing to do the second time", async () => {
  const url = server.newDatabase();
  expect(await migrateClickhouse(url)).toEqual({ from: 0, to: schemaVersion });
  expect(await migrateClickhouse(url)).toEqual({ from: schemaVersion, to: schemaVersion });
  const store = await open(url);
  expect(store.logId).toBeUndefined();
  expect(store.positions()).toEqual([]);
  expect(store.health()).toEqual({ name: "store", status: "healthy", message: "" });
  await store.close();
});

it("goes on with a migration that broke off between two statements", async () => {
  const url = server.newDatabase();
  await migrateClickhouse(url);
  await run(url, "DROP TABLE dead_letters", "TRUNCATE TABLE schema_migrations");
  expect(await migrateClickhouse(url)).toEqual({ from: 0, to: schemaVersion });
  await run(url, "SELECT count() FROM dead_letters");
});

it("refuses a server without the schema, and says what to run", async () => {
  const url = server.newDatabase();
  await expect(open(url)).rejects.toThrow(StoreStartError);
  await expect(open(url)).rejects.toThrow(/has no schema, this program reads \d+: run weir migrate --store/);
});

it("suggests a command that runs as it stands, without the password", async () => {
  const url = server.newDatabase().replace("http://", "clickhouse://default:hunter2@");
  const message = await open(url).then(String, (error: Error) => error.message);
  expect(message).not.toContain("hunter2");
  const [, args, variable] = /: run weir (.*) with its password in (\w+)$/.exec(message)!;
  const { code, stderr } = await weir(args!.split(" "), { env: { [variable!]: "hunter2" } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const store = await open(url);
  await store.close();
});

it("refuses a schema of a newer version, and names both versions", async () => {
  const url = server.newDatabase();
  await migrateClickhouse(url);
  await run(url, "INSERT INTO schema_migrations (version) VALUES (99)");
  const message = `has schema version 99, this program reads ${schemaVersion}: run the newer version`;
  await expect(open(url)).rejects.toThrow(message);
  await expect(migrateClickhouse(url)).rejects.toThrow(message);
});

it("refuses a server that is not there, and a URL that is none, without telling the password", async () => {
  const nobody = open("clickhouse://user:secret@127.0.0.1:1/weir", 1);
  await expect(nobody).rejects.toThrow(
    /^clickhouse:\/\/user:\*\*\*@127\.0\.0\.1:1\/weir cannot be reached: /,
  );
  await expect(open("duckdb:/file")).rejects.toThrow(/is no URL of ClickHouse/);
  await expect(open("clickhouse://host/a-b")).rejects.toThrow(/is no name of a database/);
});

it("waits for a server that starts later", async () => {
  const engine = await startEngine();
  const url = engine.newDatabase();
  await migrateClickhouse(url);
  await engine.kill9();
  const opening = open(url);
  const migrating = migrateClickhouse(url, 30_000);
  await engine.restart();
  await (await opening).close();
  expect(await migrating).toEqual({ from: schemaVersion, to: schemaVersion });
  await engine.close();
});

it("can be closed twice and asked after its end", async () => {
  const url = server.newDatabase();
  await migrateClickhouse(url);
  const store = await open(url);
  await Promise.all([store.close(), store.close()]);
  const unavailable = { code: "UNAVAILABLE", reason: "STORE_UNAVAILABLE" };
  await expect(store.apply([])).rejects.toMatchObject(unavailable);
  const asked = store.ask({ kind: "bounds", selection: { project: "p" } }, patiently());
  await expect(asked).rejects.toMatchObject(unavailable);
  expect(store.health().status).toBe("unhealthy");
});
