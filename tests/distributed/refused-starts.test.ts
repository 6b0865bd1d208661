/** Starts that are refused over Kafka and ClickHouse, each with one line that says what fits. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createConnection } from "../../src/store/clickhouse/connection.ts";
import { patiently } from "../support/faults/load.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { makeDataDirectory, removeDataDirectory } from "../support/pipeline.ts";
import { weir } from "../support/process.ts";
import { refusedStart } from "../support/refused-start.ts";

let installation: Installation;
let dataDir: string;
/** Settings of a process over another log on the same brokers. */
let other: NodeJS.ProcessEnv;
beforeAll(async () => {
  installation = await startInstallation();
  dataDir = await makeDataDirectory();
  const { env, kafka } = installation;
  other = { ...env, WEIR_LOG: `kafka://${kafka.brokers.join(",")}/other` };
  expect((await weir(["topics", "create"], { env: other })).code).toBe(0);
});
afterAll(async () => {
  await installation?.close();
  await removeDataDirectory(dataDir);
});

const args = () => ["--listen", "127.0.0.1:0", "--data-dir", dataDir];
const belongsToAnother = /the store belongs to log [0-9a-f]+, but this is log [0-9a-f]+: name the /;

it("a database of another log is told of as one", async () => {
  await (await installation.serve("analytics")).stop();
  const { code, line } = await refusedStart(args(), other);
  expect(code).toBe(1);
  expect(line).toMatch(belongsToAnother);
  expect(line).toContain("database that was built from this log by --store (WEIR_STORE)");
  expect(line).not.toContain("directory");
});

it("a database whose schema lacks a table ends the start, though its version is this program's", async () => {
  const { env, clickhouse } = installation;
  const url = clickhouse.newDatabase();
  const store = url.replace(/^http/, "clickhouse");
  expect((await weir(["migrate", "--store", store])).code).toBe(0);
  const connection = createConnection({ url, maxConnections: 1 });
  await connection.command("DROP TABLE events");
  await connection.close();
  const { code, line } = await refusedStart([...args(), "--roles", "analytics"], {
    ...env,
    WEIR_STORE: store,
  });
  expect(code).toBe(1);
  expect(line).toMatch(/clickhouse:\/\/\S+ cannot be opened: .*'events'/);
});

it("a data directory of another log is told of as one", async () => {
  const onDuckdb = { WEIR_STORE: "" };
  await (await installation.serve("all", { dataDir, env: onDuckdb })).stop();
  const { code, line } = await refusedStart(args(), { ...other, ...onDuckdb });
  expect(code).toBe(1);
  expect(line).toMatch(belongsToAnother);
  expect(line).toContain("data directory whose store was built from this log by --data-dir (WEIR_DATA_DIR)");
});

it("a group whose members apply to the other kind of store refuses a process, which goes on and says so once", async () => {
  const member = await installation.serve("consumer");
  await vi.waitFor(async () => expect((await fetch(`${member.url}/ready`)).status).toBe(200), patiently);
  const stranger = await installation.serve("consumer,analytics", { env: { WEIR_STORE: "" } });
  const says = /no member of group weir: .*to the other kind of store, so it needs a group of its own/;
  const told = () =>
    stranger
      .log()
      .split("\n")
      .filter((line) => says.test(line));
  await vi.waitFor(async () => {
    const { components } = await (await fetch(`${stranger.url}/health`)).json();
    expect(components).toContainEqual(
      expect.objectContaining({ name: "membership", message: expect.stringContaining("of its own") }),
    );
  }, patiently);
  expect(told()).toHaveLength(1);
});
