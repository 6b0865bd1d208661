import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWeirClient, HealthStatus, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { caughtUp } from "../support/figures.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
let client: WeirClient;
beforeAll(async () => {
  server = await startServer();
  client = createWeirClient({ url: server.url });
});
afterAll(async () => {
  await client.close();
  await server.stop();
});

/** Value of the one sample that begins so. */
async function sample(start: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(start));
  return Number(line?.split(" ").at(-1) ?? Number.NaN);
}

test("a rejected event counts once in the producer's figures, alone as in a batch", async () => {
  const invalid = { id: "e", userId: "null" };
  await expect(client.ingestion.ingestEvent({ event: invalid })).rejects.toThrow();
  await client.ingestion.ingestEvents({ events: [invalid] });
  const { errorsByReason, rejectedCount } = await client.producer.getProducerStats({});
  expect({ errorsByReason, rejectedCount }).toEqual({
    errorsByReason: { INVALID_EVENT: 2n },
    rejectedCount: 2n,
  });
});

test("appends and questions are measured", async () => {
  await client.ingestion.ingestEvent({ event: { id: "e", userId: "u" } });
  await client.analytics.getAnalyticsSummary({});
  expect(await sample("weir_log_append_duration_seconds_count")).toBe(1);
  expect(await sample('event_processing_duration_seconds_count{stage="query"}')).toBe(1);
});

test("a call under way is counted until it ends", async () => {
  const before = await sample("weir_rpcs_in_flight");
  const caller = new AbortController();
  const stream = client.metrics.streamMetrics({}, { signal: caller.signal })[Symbol.asyncIterator]();
  await stream.next();
  expect(before).toBe(0);
  expect(await sample("weir_rpcs_in_flight")).toBe(1);
  caller.abort();
  await expect(stream.next()).rejects.toThrow();
  await expect.poll(() => sample("weir_rpcs_in_flight")).toBe(0);
});

test("the consumer tells how much is applied, up to where, and that nothing is left", async () => {
  const before = await client.consumer.getConsumerStats({});
  const events = ["a", "b", "c"].map((id) => ({ id, userId: `user-${id}`, name: "n" }));
  await client.ingestion.ingestEvents({ events, options: { durability: Durability.APPLIED } });
  await caughtUp(server.url);
  const after = await client.consumer.getConsumerStats({});
  const { appliedEvents, batches, lastAppliedTime, positions, errors, deadLetters, duplicates } = after;
  expect(appliedEvents - before.appliedEvents).toBeGreaterThanOrEqual(3n);
  expect(batches).toBeGreaterThan(before.batches);
  expect({ errors, deadLetters, duplicates }).toEqual({ errors: 0n, deadLetters: 0n, duplicates: 0n });
  expect(timestampMs(lastAppliedTime!)).toBeGreaterThanOrEqual(timestampMs(after.startTime!));
  // Every event that was taken stands on a partition of its user's, each below the position of that one.
  expect(positions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(positions.reduce((sum, { offset }) => sum + offset, 0n)).toBe(appliedEvents);

  const lag = await client.consumer.getConsumerLag({});
  expect(lag).toMatchObject({ lagEvents: 0n, lagSeconds: 0 });
  expect(lag.partitions.map(({ appliedOffset }) => appliedOffset)).toEqual(
    positions.map(({ offset }) => offset),
  );
});

test("consumer and analytics are healthy with their parts", async () => {
  const answers = [
    await client.consumer.getConsumerHealth({}),
    await client.analytics.getAnalyticsHealth({}),
  ];
  for (const { status, components } of answers) {
    expect(status).toBe(HealthStatus.HEALTHY);
    expect(components.length).toBeGreaterThan(0);
    for (const { status } of components) expect(status).toBe(HealthStatus.HEALTHY);
  }
});
