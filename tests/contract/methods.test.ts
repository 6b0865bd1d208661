/** Every method of the contract, over every protocol and every route: it answers, or says that a later version will. */
import { create, type DescMethod } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { MetricsService } from "../../gen/analytics/v1/metrics_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { isPlanned, restOptionsOf } from "../../src/contract/options.ts";
import { type RawAnswer, sendRaw } from "../support/http.ts";
import { bootstrapKey, callsOf, event, isRead, methods, requestOf } from "../support/method-calls.ts";
import { bindingsOf } from "../support/rest-request.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { connectJson, rest, restCall, type Wire } from "../support/wires.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ env: { WEIR_BOOTSTRAP_KEY: bootstrapKey } });
  const sent = await sendRaw(
    server.url,
    connectJson.request(
      EventIngestionService.method.ingestEvent,
      create(EventIngestionService.method.ingestEvent.input, { event, options: { durability: 3 } }),
    )!,
  );
  expect(sent.status).toBe(200);
});
afterAll(() => server.stop());

function expectAnswered(wire: Wire, method: DescMethod, answer: RawAnswer, by: string): void {
  const bare = wire === rest && restOptionsOf(method).bodyField !== "";
  if (bare) expect(answer.status, by).toBe(200);
  else expect(wire.message(method, answer).$typeName, by).toBe(method.output.typeName);
}

test.each(methods.filter(({ method }) => !isPlanned(method)))("$name answers", async ({ method }) => {
  for (const { by, wire, request } of callsOf(method)) {
    expectAnswered(wire, method, await sendRaw(server.url, request), by);
  }
});

test.each(methods.filter(({ method }) => isPlanned(method)))(
  "$name says that a later version answers it",
  async ({ name, method }) => {
    for (const { by, wire, request } of callsOf(method)) {
      const failure = wire.failure(await sendRaw(server.url, request));
      expect(failure, by).toMatchObject({
        status: wire.framed ? 200 : 501,
        code: "Unimplemented",
        reason: "NOT_YET_BUILT",
        domain: "weir",
        message: expect.stringContaining(name),
      });
    }
  },
);

test("a queued event is answered with 202, and metrics with their own content type and bare text", async () => {
  const [async] = bindingsOf(ProducerService.method.sendEventAsync);
  const queued = await sendRaw(
    server.url,
    restCall(async!, requestOf(ProducerService.method.sendEventAsync)),
  );
  expect(queued.status).toBe(202);
  const [route] = bindingsOf(MetricsService.method.exportMetrics);
  const metrics = await sendRaw(server.url, restCall(route!, requestOf(MetricsService.method.exportMetrics)));
  expect(metrics.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(metrics.body.toString()).toMatch(/^# HELP /);
});

test("every method but those that only stream has a route", () => {
  const without = methods
    .filter(({ method }) => bindingsOf(method).length === 0)
    .map(({ method }) => method.name);
  expect(without).toEqual(["StreamEvents", "GetRealTimeAnalytics", "TailEvents", "StreamMetrics"]);
});

test("what has a GET route is free of side effects; Connect GET reads all that is, and nothing else", async () => {
  for (const { name, method } of methods) {
    const reads = isRead(method);
    const got = bindingsOf(method).some(({ httpMethod }) => httpMethod === "GET");
    if (got) expect(reads, name).toBe(true);
    if (method.methodKind !== "unary") continue;
    const query = `connect=v1&encoding=json&message=${encodeURIComponent("{}")}`;
    const path = `/${name}?${query}`;
    const { status, headers } = await sendRaw(server.url, { version: "1.1", verb: "GET", path, headers: {} });
    if (reads) expect(status, name).not.toBe(405);
    else
      expect({ status, allow: headers.get("allow") }, name).toEqual({ status: 405, allow: "POST, OPTIONS" });
  }
});
