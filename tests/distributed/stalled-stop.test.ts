/** Processes that are stopped while Kafka or ClickHouse does not answer: they end in order, and nothing is lost or doubled. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
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
afterEach(() => {
  installation.kafka.resume();
  installation.clickhouse.resume();
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

it("ClickHouse: a consumer ends with exit code 0 after its own deadline, and its successor counts each event once", async () => {
  const consumer = await installation.serve("consumer");
  await send(ids.slice(0, 50), Durability.APPLIED);
  await installation.clickhouse.stall();
  await send(ids.slice(50), Durability.DURABLE);
  await vi.waitFor(async () => {
    expect((await getJson(consumer.url, "/v1/consumer/lag")).lag_seconds).toBeGreaterThan(0);
  }, patiently);
  expect(await consumer.stop(), consumer.log()).toBe(0);
  expect(consumer.log()).toContain('"msg":"stopped"');
  expect(consumer.log()).not.toContain('"level":"error"');

  installation.clickhouse.resume();
  const successor = await installation.serve("consumer,analytics");
  const { url } = successor;
  await caughtUp(url, ids.length);
  expect((await allEvents(url)).map(({ id }) => id).sort()).toEqual([...ids].sort());
  expect(await successor.stop()).toBe(0);
});

it("Kafka: every role ends with exit code 0 after its own deadline, with callers and a batch that wait", async () => {
  const consumer = await installation.serve("consumer");
  const analytics = await installation.serve("analytics");
  await send(["before"], Durability.APPLIED);
  // What is applied now ends in a commit, which Kafka does not answer.
  await installation.clickhouse.stall();
  await send(["between"], Durability.DURABLE);
  await vi.waitFor(async () => {
    expect((await getJson(consumer.url, "/v1/consumer/lag")).lag_seconds).toBeGreaterThan(0);
  }, patiently);
  await installation.kafka.stall();
  installation.clickhouse.resume();
  const waiting = send(["never"], Durability.DURABLE).catch((error: unknown) => error);
  await vi.waitFor(async () => {
    expect((await getJson(ingest.url, "/stats")).producer.log.in_flight_ms).toBeGreaterThan(0);
  }, patiently);
  await Promise.all(
    [ingest, consumer, analytics].map(async (server) => {
      // With what it said, since nothing else of it is left.
      expect(await server.stop(), server.log()).toBe(0);
    }),
  );
  expect(await waiting).toBeInstanceOf(Error);
});
