import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWeirClient, HealthStatus, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { caughtUp } from "../support/figures.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
let client: WeirClient;
beforeAll(async () => {
  server = await startServer({ args: ["--max-live-streams", "1"] });
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

test("what is bounded tells how much is taken, how much there is, and how often there was no room", async () => {
  const of = async (resource: string) => {
    const values = ["used", "limit", "refused_total"].map((what) =>
      sample(`weir_resource_${what}{resource="${resource}"}`),
    );
    return Promise.all(values);
  };
  expect(await of("live_streams")).toEqual([0, 1, 0]);
  const caller = new AbortController();
  const stream = client.metrics.streamMetrics({}, { signal: caller.signal })[Symbol.asyncIterator]();
  await stream.next();
  await expect(client.metrics.streamMetrics({})[Symbol.asyncIterator]().next()).rejects.toThrow(/taken/);
  expect(await of("live_streams")).toEqual([1, 1, 1]);
  expect(await of("calls")).toEqual([1, 10_000, 0]);
  expect(await of("connections")).toEqual([expect.any(Number), 10_000, 0]);
  caller.abort();
  await expect(stream.next()).rejects.toThrow();
  for (const resource of [
    "log_queue_events",
    "log_queue_bytes",
    "questions",
    "questions_waiting",
    "exports",
  ]) {
    const [used, limit, refused] = await of(resource);
    expect([used, refused], resource).toEqual([0, 0]);
    expect(limit, resource).toBeGreaterThan(0);
  }
});

test("the process says what it is, how its parts are, and what is left of its disk and threads", async () => {
  expect(
    await sample('weir_info{version="0.1.0",roles="ingest,consumer,analytics",log="level",store="duckdb"}'),
  ).toBe(1);
  for (const part of ["log", "store", "consumer", "live"]) {
    expect(await sample(`weir_part_health{part="${part}"}`), part).toBe(1);
  }
  for (const part of ["log", "store"]) {
    const free = await sample(`weir_disk_free_bytes{part="${part}"}`);
    expect(free).toBeGreaterThan(0);
    expect(await sample(`weir_disk_size_bytes{part="${part}"}`)).toBeGreaterThanOrEqual(free);
  }
  for (const thread of ["main", "store"]) {
    expect(await sample(`weir_thread_active_seconds_total{thread="${thread}"}`), thread).toBeGreaterThan(0);
  }
  expect(await sample("weir_store_size_bytes")).toBeGreaterThan(0);
});

test("the log's end and what is applied are told by partition", async () => {
  const offsets = async (name: string) =>
    Promise.all(Array.from({ length: 8 }, (_, partition) => sample(`${name}{partition="${partition}"}`)));
  await client.ingestion.ingestEvent({
    event: { id: "offsets", userId: "v" },
    options: { durability: Durability.APPLIED },
  });
  const ends = await offsets("weir_log_end_offset");
  expect(ends.reduce((a, b) => a + b)).toBeGreaterThan(0);
  expect(await offsets("weir_log_applied_offset")).toEqual(ends);
  expect(await sample("weir_consumer_partitions")).toBe(8);
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
