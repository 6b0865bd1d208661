import { afterAll, beforeAll, expect, test } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
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
