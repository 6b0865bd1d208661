import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  MetricsService,
  MetricType,
  StreamMetricsRequestSchema,
  type StreamMetricsResponse,
  StreamMetricsResponseSchema,
} from "../../gen/analytics/v1/metrics_pb.js";
import type { Call } from "../../src/domain/call.ts";
import { createSlots } from "../../src/domain/slots.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createMetricsStream } from "../../src/telemetry/stream.ts";

const startMs = 1_700_000_000_000;

function createFixture(places = 10) {
  const clock = { ms: startMs };
  const now = () => clock.ms;
  const metrics = createMetrics({ startedAtMs: startMs, now });
  const slots = createSlots(places, "places");
  const stream = createMetricsStream({
    metrics,
    now,
    slots,
    // Time passes only while a stream waits.
    wait: async (ms) => {
      clock.ms += ms;
    },
  });
  const controller = new AbortController();
  const call: Call = {
    method: MetricsService.method.streamMetrics,
    protocol: "grpc",
    principal: { project: "default", scopes: new Set() },
    requestId: "test",
    signal: controller.signal,
    deadline: Number.POSITIVE_INFINITY,
    unparsed: new Map(),
  };
  return {
    clock,
    metrics,
    slots,
    controller,
    open(request: MessageInitShape<typeof StreamMetricsRequestSchema>) {
      const messages = stream(create(StreamMetricsRequestSchema, request), call)[Symbol.asyncIterator]();
      return {
        async next(): Promise<StreamMetricsResponse | undefined> {
          const { value, done } = await messages.next();
          return done ? undefined : create(StreamMetricsResponseSchema, value);
        },
        close: () => messages.return?.(),
      };
    },
  };
}

const errors = (message: StreamMetricsResponse | undefined) =>
  message!.series.map(({ labels, samples }) => `${labels.reason} ${samples[0]!.value}`);

describe("StreamMetrics", () => {
  it("gives all that was asked for first, then what changed, each interval", async () => {
    const { metrics, open } = createFixture();
    metrics.error("p", "ingest", "QUEUE_FULL");
    metrics.error("p", "query", "NOT_FOUND");
    metrics.duplicates("p", 5);
    const stream = open({ names: ["errors_total"], interval: { seconds: 2n } });
    const first = await stream.next();
    expect(first!.series).toMatchObject([
      { name: "errors_total", type: MetricType.COUNTER, labels: { reason: "NOT_FOUND" } },
      { name: "errors_total", type: MetricType.COUNTER, labels: { reason: "QUEUE_FULL" } },
    ]);
    expect(Number(first!.time!.seconds) * 1000).toBe(startMs);
    metrics.error("p", "query", "NOT_FOUND");
    const second = await stream.next();
    expect(errors(second)).toEqual(["NOT_FOUND 2"]);
    expect(Number(second!.time!.seconds) * 1000).toBe(startMs + 2000);
    metrics.error("p", "query", "INVALID_FILTER");
    expect(errors(await stream.next())).toEqual(["INVALID_FILTER 1"]);
  });

  it("gives only series with the labels", async () => {
    const { metrics, open } = createFixture();
    metrics.error("p", "ingest", "QUEUE_FULL");
    metrics.error("p", "query", "NOT_FOUND");
    const stream = open({ names: ["errors_total"], labels: { stage: "query" } });
    expect(errors(await stream.next())).toEqual(["NOT_FOUND 1"]);
  });

  it.each([1, 5, 60])(
    "gives a heartbeat every 15 s while nothing changes, at an interval of %i s",
    async (s) => {
      const { clock, metrics, open } = createFixture();
      metrics.error("p", "ingest", "QUEUE_FULL");
      const stream = open({ names: ["errors_total"], interval: { seconds: BigInt(s) } });
      await stream.next();
      for (let i = 1; i <= 3; i++) {
        expect(await stream.next()).toEqual(create(StreamMetricsResponseSchema));
        expect(clock.ms).toBe(startMs + i * 15_000);
      }
    },
  );

  it("reads once for all who ask at the same time", async () => {
    const { metrics, open } = createFixture();
    let reads = 0;
    metrics.observe("weir_test_reads", "Reads of this gauge.", [], () => ++reads);
    const streams = Array.from({ length: 5 }, () => open({ names: ["weir_test_reads"] }));
    for (const stream of streams) expect((await stream.next())!.series[0]!.samples[0]!.value).toBe(1);
  });

  it("is refused when all places are taken, and gives its place back at its end", async () => {
    const { open, slots } = createFixture(1);
    const first = open({});
    await first.next();
    await expect(open({}).next()).rejects.toMatchObject({ reason: "TOO_MANY_REQUESTS" });
    await first.close();
    expect(slots.taken).toBe(0);
    expect((await open({}).next())!.series.length).toBeGreaterThan(0);
  });

  it("ends with its caller", async () => {
    const { controller, open, slots } = createFixture();
    const stream = open({ names: ["no_such_metric"] });
    expect((await stream.next())!.series).toEqual([]);
    controller.abort();
    expect(await stream.next()).toBeUndefined();
    expect(slots.taken).toBe(0);
  });
});
