/** What a live window says of records that Kafka has removed. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { withAdmin } from "../../src/log/kafka/admin.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const topic = "short.events";
let kafka: KafkaBroker;
let server: RunningServer;
let client: WeirClient;

beforeAll(async () => {
  kafka = await startKafka();
  const env = { WEIR_LOG: `kafka://${kafka.brokers.join(",")}/short` };
  const made = await weir(["topics", "create", "--log-retention", "30m", "--partitions", "1"], { env });
  expect(made).toMatchObject({ code: 0, stderr: "" });
  server = await startServer({ env });
  client = createWeirClient({ url: server.url });
});
afterAll(async () => {
  await client?.close();
  await server?.stop();
  await kafka?.close();
});

it("a window that goes back beyond what the topic keeps has a gap, whatever its process was told", async () => {
  const events = Array.from({ length: 10 }, (_, i) => ({ id: `${i}`, userId: "ann", name: "tick" }));
  await client.ingestion.ingestEvents({ events });
  const first = async (seconds: bigint) => {
    const ending = new AbortController();
    const { signal } = ending;
    try {
      for await (const { window, gap } of client.analytics.getRealTimeAnalytics(
        { window: { seconds } },
        { signal },
      )) {
        // Others are heartbeats.
        if (window !== undefined) return { events: Number(window.events), gap };
      }
    } finally {
      ending.abort();
    }
    throw new Error("the stream has ended");
  };
  expect((await first(3600n)).gap).toBeUndefined();
  await withAdmin(kafka, async (admin) => {
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "-1" }] });
  });
  // The process hears of it with what it reads next.
  await client.ingestion.ingestEvents({ events: [{ id: "next", userId: "ann", name: "tick" }] });
  await vi.waitFor(
    async () => {
      const { gap, events } = await first(3600n);
      expect(events).toBe(1);
      expect(gap).toBeDefined();
    },
    { timeout: 60_000, interval: 50 },
  );
  // What is younger than that would still be there.
  expect((await first(600n)).gap).toBeUndefined();
});
