/** From an embedded server to Kafka and ClickHouse and back, by a file of events, as docs/OPERATIONS.md says. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { allEvents, caughtUp, getJson } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const count = 3000;
const directory = mkdtempSync(join(tmpdir(), "weir-moving-"));
const servers: RunningServer[] = [];
let installation: Installation;
let distributed: RunningServer;

async function embedded(): Promise<RunningServer> {
  const server = await startServer();
  servers.push(server);
  return server;
}

beforeAll(async () => {
  installation = await startInstallation();
  distributed = await installation.serve("all");
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  await installation?.close();
  rmSync(directory, { recursive: true });
});

async function run(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await weir(args);
  expect(code, `${stdout}${stderr}`).toBe(0);
}

async function move(from: RunningServer, to: RunningServer): Promise<void> {
  const file = join(directory, "moved.ndjson.gz");
  await run("export", "--url", from.url, "--format", "ndjson", "--out", file);
  await run("send", "--url", to.url, file);
  await caughtUp(to.url, count);
}

/** What there is to be seen of a server's events but when it received them. */
async function seen({ url }: RunningServer): Promise<unknown> {
  const events = await allEvents(url);
  const query = { granularity: "GRANULARITY_DAY", metric: "unique_users", time_zone: "Europe/Berlin" };
  return {
    events: events.map((event) => ({ ...event, received_time: "" })).sort((a, b) => (a.id < b.id ? -1 : 1)),
    summary: await getJson(url, "/v1/analytics/summary", { include_sessions: "true" }),
    series: await getJson(url, "/v1/analytics/timeseries", query),
  };
}

it("answers the same there and back, and has nothing twice where it is moved again", async () => {
  const old = await embedded();
  const file = join(directory, "made.ndjson.gz");
  await run("generate-data", "--events", String(count), "--out", file);
  await run("send", "--url", old.url, file);
  await caughtUp(old.url, count);
  const before = await seen(old);

  await move(old, distributed);
  expect(await seen(distributed)).toEqual(before);
  await run("send", "--url", distributed.url, join(directory, "moved.ndjson.gz"));
  expect(await seen(distributed)).toEqual(before);

  const back = await embedded();
  await move(distributed, back);
  expect(await seen(back)).toEqual(before);
});
