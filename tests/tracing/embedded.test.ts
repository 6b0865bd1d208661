/** Traces of an embedded server, by a real collector. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { type Collector, startCollector } from "../support/collector.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const service = "analytics.v1.EventIngestionService";
let collector: Collector;
let server: RunningServer;
let client: WeirClient;

beforeAll(async () => {
  collector = await startCollector();
  server = await startServer({ args: ["--otlp-endpoint", collector.url] });
  client = createWeirClient({ url: server.url });
});
afterAll(async () => {
  await client?.close();
  await server?.stop();
  await collector?.close();
});

/** A caller's context with a trace of its own. */
function callerOf(digit: string, sampled: boolean) {
  const traceId = digit.repeat(32);
  const spanId = digit.repeat(16);
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` };
}

const send = (id: string, headers: HeadersInit = {}) =>
  client.ingestion.ingestEvent(
    { event: { id, userId: "u", name: "traced" }, options: { durability: Durability.APPLIED } },
    { headers },
  );

it("shows a caller its call, the append and the apply in its own trace", async () => {
  const { traceId, spanId, traceparent } = callerOf("a", true);
  const response = await fetch(`${server.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json", traceparent, "x-request-id": "by-curl" },
    body: JSON.stringify({ event: { id: "1", userId: "u", name: "traced" } }),
  });
  expect(response.status).toBe(200);

  const apply = await collector.span((span) => span.traceId === traceId && span.name === "apply");
  const call = await collector.span((span) => span.traceId === traceId && span.parentSpanId === spanId);
  const append = await collector.span((span) => span.traceId === traceId && span.name === "append");
  expect(call).toMatchObject({
    name: `${service}/IngestEvent`,
    kind: 2,
    failed: false,
    attributes: {
      "rpc.service": service,
      "rpc.method": "IngestEvent",
      "weir.protocol": "rest",
      "weir.request_id": "by-curl",
      "weir.project": "default",
    },
    resource: { "service.name": "weir", "weir.roles": "ingest,consumer,analytics" },
  });
  expect(append).toMatchObject({ parentSpanId: call.spanId, kind: 4, attributes: { events: 1 } });
  expect(apply).toMatchObject({ parentSpanId: call.spanId, kind: 5, attributes: { "batch.applied": 1 } });
});

it("shows a question's work in the store below its call, and a failure by its reason", async () => {
  const { traceId, spanId, traceparent } = callerOf("b", true);
  await client.analytics.getAnalyticsSummary({}, { headers: { traceparent } });
  const work = await collector.span((span) => span.traceId === traceId && span.name.startsWith("store "));
  const call = await collector.span((span) => span.traceId === traceId && span.parentSpanId === spanId);
  expect(work).toMatchObject({ parentSpanId: call.spanId, kind: 3, failed: false });

  const bad = callerOf("c", true);
  const asked = client.analytics.getAnalyticsSummary(
    { filter: "name ==" },
    { headers: { traceparent: bad.traceparent } },
  );
  await expect(asked).rejects.toThrow();
  const refused = await collector.span((span) => span.traceId === bad.traceId);
  expect(refused).toMatchObject({ failed: true, attributes: { "error.type": "INVALID_FILTER" } });
});

it("begins a trace where the caller has none, or what is none, and names it in the log", async () => {
  const { traceparent } = callerOf("d", true);
  await send("2", { "x-request-id": "without" });
  await send("3", { "x-request-id": "broken", traceparent: traceparent.slice(1) });
  for (const id of ["without", "broken"]) {
    const call = await collector.span(({ attributes }) => attributes["weir.request_id"] === id);
    expect(call.parentSpanId).toBe("");
    expect(call.traceId).not.toBe("d".repeat(32));
  }
  const { traceId } = callerOf("e", true);
  await client.analytics.getAnalyticsSummary(
    {},
    { headers: { traceparent: callerOf("e", true).traceparent } },
  );
  await collector.span((span) => span.traceId === traceId);
  const lines = () =>
    server
      .log()
      .split("\n")
      .filter((line) => line.includes(`"traceId":"${traceId}"`));
  await expect.poll(lines).toHaveLength(1);
});

it("records nothing of a call whose caller does not sample, nor keeps its context", async () => {
  const { traceId, traceparent } = callerOf("f", false);
  await send("4", { traceparent });
  const { traceId: next } = callerOf("1", true);
  await send("5", { traceparent: callerOf("1", true).traceparent });
  await collector.span((span) => span.traceId === next && span.name === "apply");
  expect(collector.spans().filter((span) => span.traceId === traceId)).toEqual([]);
});

it("goes on while no collector takes the spans, says so seldom, and stops in time", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  await new Promise((resolve) => taken.close(resolve));
  const alone = await startServer({ args: ["--otlp-endpoint", `http://127.0.0.1:${port}`] });
  const sender = createWeirClient({ url: alone.url });
  for (let i = 0; i < 20; i++) {
    await sender.ingestion.ingestEvent({ event: { id: String(i), userId: "u", name: "traced" } });
  }
  await sender.close();
  const lost = async () => {
    const text = await (await fetch(`${alone.url}/metrics`)).text();
    return Number(/^weir_trace_spans_lost_total (\d+)$/m.exec(text)?.[1]);
  };
  await expect.poll(lost, { timeout: 20_000 }).toBeGreaterThan(0);
  expect(await alone.stop()).toBe(0);
  const told = alone.log().match(/the collector did not take spans/g) ?? [];
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(5);
  expect(alone.log()).toContain(`"url":"http://127.0.0.1:${port}/v1/traces"`);
});
