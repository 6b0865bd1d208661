/** A consumer that is stopped while ClickHouse does not answer: it ends in order, and nothing is lost or doubled. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createWeirClient, Durability } from "../../client/node/index.ts";
import { patiently } from "../support/faults/load.ts";
import { allEvents, caughtUp, getJson } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";

let installation: Installation;
let ingest: RunningServer;
beforeAll(async () => {
  installation = await startInstallation({ env: { WEIR_SHUTDOWN_TIMEOUT: "500ms" } });
  ingest = await installation.serve("ingest");
});
afterAll(() => installation?.close());

const ids = Array.from({ length: 100 }, (_, i) => `e-${i}`);

async function send(sent: readonly string[], durability: Durability): Promise<void> {
  const client = createWeirClient({ url: ingest.url, timeoutMs: 60_000 });
  try {
    const events = sent.map((id) => ({ id, userId: `user-${id}`, name: "tick" }));
    await client.ingestion.ingestEvents({ events, options: { durability } });
  } finally {
    await client.close();
  }
}

it("ends with exit code 0 after its own deadline, and its successor counts each event once", async () => {
  const consumer = await installation.serve("consumer");
  await send(ids.slice(0, 50), Durability.APPLIED);
  await installation.clickhouse.stall();
  await send(ids.slice(50), Durability.DURABLE);
  await vi.waitFor(async () => {
    expect((await getJson(consumer.url, "/v1/consumer/lag")).lag_seconds).toBeGreaterThan(0);
  }, patiently);
  expect(await consumer.stop()).toBe(0);
  expect(consumer.log()).toContain('"msg":"stopped"');
  expect(consumer.log()).not.toContain('"level":"error"');

  installation.clickhouse.resume();
  const { url } = await installation.serve("consumer,analytics");
  await caughtUp(url, ids.length);
  expect((await allEvents(url)).map(({ id }) => id).sort()).toEqual([...ids].sort());
});
