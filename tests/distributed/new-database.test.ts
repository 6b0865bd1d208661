/** A new, empty database under a group that has applied the log to another one. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createWeirClient } from "../../client/node/index.ts";
import { patiently } from "../support/faults/load.ts";
import { allEvents, caughtUp } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { weir } from "../support/process.ts";
import { refusedStart } from "../support/refused-start.ts";

const count = 500;
const line =
  /group weir has applied partition \d+ of the log up to offset \d+, but nothing of it to this store: /;
let installation: Installation;
/** Settings of what uses the new database. */
let fresh: NodeJS.ProcessEnv;
let token = "";

beforeAll(async () => {
  installation = await startInstallation();
  const { clickhouse, env } = installation;
  fresh = { ...env, WEIR_STORE: clickhouse.newDatabase().replace("http:", "clickhouse:") };
  expect(await weir(["migrate"], { env: fresh })).toMatchObject({ code: 0 });
});
afterAll(() => installation?.close());

async function asked(url: string): Promise<{ total_events?: string; details?: { reason: string }[] }> {
  const headers = { "connect-timeout-ms": "1000" };
  const query = new URLSearchParams({ min_visibility: token });
  return (await fetch(`${url}/v1/analytics/summary?${query}`, { headers })).json();
}

it("is not taken for applied: neither by what asks it, which runs already or starts, nor by a consumer", async () => {
  const early = await installation.serve("analytics", { env: fresh });
  const server = await installation.serve("all");
  const client = createWeirClient({ url: server.url });
  const events = Array.from({ length: count }, (_, i) => ({
    id: `e-${i}`,
    userId: `u-${i % 50}`,
    name: "n",
  }));
  ({ visibilityToken: token } = await client.ingestion.ingestEvents({ events }));
  await client.close();
  await caughtUp(server.url, count);
  expect(await asked(server.url)).toMatchObject({ total_events: String(count) });

  const late = await installation.serve("analytics", { env: fresh });
  for (const { url } of [early, late]) {
    expect(await asked(url)).toMatchObject({ details: [{ reason: "NOT_YET_VISIBLE" }] });
    await vi.waitFor(async () => {
      const { ready, failing } = await (await fetch(`${url}/ready`)).json();
      expect({ ready, failing: JSON.stringify(failing) }).toEqual({
        ready: false,
        failing: expect.stringMatching(line),
      });
    }, patiently);
  }
  expect(await (await fetch(`${server.url}/ready`)).json()).toMatchObject({ ready: true });
  await Promise.all([early, late].map((one) => one.stop()));
  await server.stop();
  const refused = await refusedStart([], fresh);
  expect(refused).toMatchObject({ code: 1, line: expect.stringMatching(line) });
});

it("is built from the log by a group of its own", async () => {
  const env = { ...fresh, WEIR_KAFKA_GROUP: "own" };
  const { clickhouse } = installation;
  const store = clickhouse.newDatabase().replace("http:", "clickhouse:");
  const own = { ...env, WEIR_STORE: store };
  expect(await weir(["migrate"], { env: own })).toMatchObject({ code: 0 });
  const server = await installation.serve("all", { env: own });
  await caughtUp(server.url, count);
  expect(await asked(server.url)).toMatchObject({ total_events: String(count) });
  await server.stop();
});

it("is built from the log by the same group once its offsets are put to the log's beginning", async () => {
  const listed = await weir(["offsets", "list", "--json"], { env: fresh });
  for (const partition of JSON.parse(listed.stdout).partitions) {
    expect(partition).toMatchObject({ committed: partition.logEnd, rows: 0 });
    expect(partition).not.toHaveProperty("noted");
  }
  const refused = await weir(["offsets", "restore"], { env: fresh });
  expect(refused).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(line) });
  const restored = await weir(["offsets", "restore", "--all"], { env: fresh });
  expect(restored).toMatchObject({ code: 0, stderr: "" });
  expect(restored.stdout).toMatch(/partition \d+: the offset is 0 now, it was \d+/);

  const server = await installation.serve("all", { env: fresh });
  await caughtUp(server.url, count);
  expect(await asked(server.url)).toMatchObject({ total_events: String(count) });
  expect(new Set((await allEvents(server.url)).map(({ id }) => id)).size).toBe(count);
});
