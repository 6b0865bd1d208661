/** What commands say of a process that has not every role. */
import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { makeDataDirectory, removeDataDirectory } from "../support/pipeline.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let broker: KafkaBroker;
let dataDir: string;
let server: RunningServer;
beforeAll(async () => {
  broker = await startKafka();
  dataDir = await makeDataDirectory();
  const log = `kafka://${broker.brokers.join(",")}/roles`;
  await weir(["topics", "create", "--log", log]);
  server = await startServer({ dataDir, args: ["--log", log, "--roles", "ingest"] });
});
afterAll(async () => {
  await server.stop();
  await broker.close();
  await removeDataDirectory(dataDir);
});

const ask = (command: string) => weir([command, "--url", server.url]);

it("a process that only takes events in is healthy without the other parts", async () => {
  const { code, stdout } = await ask("health");
  expect(code).toBe(0);
  expect(stdout.split("\n").slice(1)).toEqual([
    expect.stringMatching(/^ {2}ingestion +healthy$/),
    expect.stringMatching(/^ {4}log +healthy$/),
    expect.stringMatching(/^ {4}state +healthy$/),
    expect.stringMatching(/^ {2}metrics +healthy$/),
    expect.stringMatching(/^ {4}metrics +healthy$/),
    "",
  ]);
});

it("it gives the figures that it has, and says who has the others", async () => {
  const stats = await ask("stats");
  expect(stats.code).toBe(0);
  expect(Object.keys(JSON.parse(stats.stdout))).toEqual(["producer"]);
  const lag = await ask("lag");
  expect(lag.code).toBe(3);
  expect(lag.stderr).toMatch(/^weir: http:\S+ refused: GetConsumerLag needs the role consumer, and this pr/);
});

it("it keeps nothing in its data directory", async () => {
  expect(await readdir(dataDir)).toEqual([]);
});
