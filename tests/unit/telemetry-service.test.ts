import { create, fromJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it, vi } from "vitest";
import { HealthStatus } from "../../gen/analytics/v1/common_pb.js";
import {
  ExportMetricsRequestSchema,
  type ExportMetricsResponse,
  ExportMetricsResponseSchema,
  MetricAggregation,
  MetricsFormat,
  MetricsService,
  MetricsServiceGetMetricsRequestSchema,
  type MetricsServiceGetMetricsResponse,
  MetricsServiceGetMetricsResponseSchema,
  MetricsServiceHealthRequestSchema,
  MetricType,
} from "../../gen/analytics/v1/metrics_pb.js";
import type { Call } from "../../src/domain/call.ts";
import { createHistory, type HistoryOptions } from "../../src/telemetry/history.ts";
import { createMetrics, stageGauges } from "../../src/telemetry/metrics.ts";
import { createMetricsService } from "../../src/telemetry/service.ts";

const startMs = 1_700_000_000_000;

const call: Call = {
  method: MetricsService.method.getMetrics,
  protocol: "rest",
  principal: { project: "default", scopes: new Set() },
  requestId: "test",
  signal: new AbortController().signal,
  deadline: Number.POSITIVE_INFINITY,
  unparsed: new Map(),
};

function createFixture(historyOptions: Partial<HistoryOptions> = {}) {
  const clock = { ms: startMs };
  const now = () => clock.ms;
  const metrics = createMetrics({ startedAtMs: startMs, now });
  const history = createHistory({ metrics, now, ...historyOptions });
  const service = createMetricsService({ metrics, history, now });
  const depth = { value: 0 };
  metrics.observe(...stageGauges.storedEvents, () => depth.value);
  return {
    clock,
    metrics,
    history,
    service,
    /** One sample of weir_store_events for each value, 5 s apart, the first at once. */
    async record(values: readonly number[]) {
      for (const value of values) {
        depth.value = value;
        await history.sample();
        clock.ms += 5000;
      }
    },
    async get(
      request: MessageInitShape<typeof MetricsServiceGetMetricsRequestSchema>,
    ): Promise<MetricsServiceGetMetricsResponse> {
      const answer = await service.getMetrics!(create(MetricsServiceGetMetricsRequestSchema, request), call);
      return create(MetricsServiceGetMetricsResponseSchema, answer);
    },
    async export(format: MetricsFormat): Promise<ExportMetricsResponse> {
      const answer = await service.exportMetrics!(create(ExportMetricsRequestSchema, { format }), call);
      return create(ExportMetricsResponseSchema, answer);
    },
  };
}

const wholeRange = { start: timestampFromMs(0) };
const queue = "weir_store_events";

describe("GetMetrics", () => {
  it("forgets what a clock that was set back says is yet to come, and keeps the order of the rest", async () => {
    const { clock, record, get, history } = createFixture();
    await record([1, 2, 3, 4]);
    clock.ms = startMs + 7000;
    await record([5, 6]);
    const { series } = await get({ names: [queue], timeRange: wholeRange });
    expect(series[0]?.samples.map(({ value }) => value)).toEqual([1, 2, 5, 6]);
    expect(history.stats().samples).toBe(4);
  });

  it("answers each series as it stands now, by name, then by labels", async () => {
    const { get, metrics, clock } = createFixture();
    metrics.events("b", "ingest", "accepted", 2);
    metrics.events("a", "ingest", "rejected", 1);
    metrics.duplicates("a", 4);
    clock.ms += 1234;
    const { series, historyStartTime } = await get({
      names: ["weir_duplicates_total", "events_processed_total"],
    });
    expect(
      series.map(({ name, labels, samples }) => [name, labels.project, samples.map((s) => s.value)]),
    ).toEqual([
      ["events_processed_total", "a", [1]],
      ["events_processed_total", "b", [2]],
      ["weir_duplicates_total", "a", [4]],
    ]);
    expect(series[0]).toMatchObject({ type: MetricType.COUNTER, help: expect.stringContaining("Events") });
    expect(series[0]!.value).toBeUndefined();
    expect(timestampMs(series[0]!.samples[0]!.time!)).toBe(startMs + 1234);
    expect(timestampMs(historyStartTime!)).toBe(startMs + 1234);
  });

  it("answers all metrics where none is named, and none for a name that does not exist", async () => {
    const { get } = createFixture();
    const names = (await get({})).series.map(({ name }) => name);
    expect(names).toContain("process_resident_memory_bytes");
    expect(names).toContain("weir_batch_events_bucket");
    expect(names).toEqual(names.toSorted());
    expect((await get({ names: ["no_such_metric"] })).series).toEqual([]);
  });

  it("takes a histogram by its own name or by the name of one of its series", async () => {
    const { get, metrics } = createFixture();
    metrics.batch(100);
    const all = (await get({ names: ["weir_batch_events"] })).series;
    expect(new Set(all.map(({ name }) => name))).toEqual(
      new Set(["weir_batch_events_bucket", "weir_batch_events_sum", "weir_batch_events_count"]),
    );
    expect(all.every(({ type }) => type === MetricType.HISTOGRAM)).toBe(true);
    const sum = (await get({ names: ["weir_batch_events_sum"] })).series;
    expect(sum.map(({ name, samples }) => [name, samples[0]?.value])).toEqual([
      ["weir_batch_events_sum", 100],
    ]);
  });

  it("wants every label asked for", async () => {
    const { get, metrics } = createFixture();
    metrics.events("a", "ingest", "accepted", 1);
    metrics.events("b", "ingest", "accepted", 2);
    metrics.events("b", "consume", "applied", 3);
    const values = async (labels: Record<string, string>) =>
      (await get({ labels })).series.map(({ samples }) => samples[0]?.value);
    expect(await values({ project: "b" })).toEqual([2, 3]);
    expect(await values({ project: "b", stage: "ingest" })).toEqual([2]);
    expect(await values({ project: "b", stage: "" })).toEqual([]);
    expect(await values({ nothing: "b" })).toEqual([]);
  });

  it("answers the samples of [start, end), oldest first", async () => {
    const { get, record } = createFixture();
    await record([1, 2, 3, 4]);
    const timeRange = { start: timestampFromMs(startMs + 5000), end: timestampFromMs(startMs + 15_000) };
    const { series, historyStartTime } = await get({ names: [queue], timeRange });
    expect(series).toHaveLength(1);
    expect(series[0]!.samples.map(({ time, value }) => [timestampMs(time!) - startMs, value])).toEqual([
      [5000, 2],
      [10_000, 3],
    ]);
    expect(timestampMs(historyStartTime!)).toBe(startMs);
  });

  it("leaves out a series without a sample in the range", async () => {
    const { get, record, metrics } = createFixture();
    await record([1]);
    metrics.duplicates("late", 1);
    await record([2]);
    const early = { end: timestampFromMs(startMs + 1) };
    expect((await get({ names: ["weir_duplicates_total"], timeRange: early })).series).toEqual([]);
    const { series } = await get({ names: ["weir_duplicates_total"], timeRange: wholeRange });
    expect(series[0]!.samples.map(({ value }) => value)).toEqual([1]);
  });

  it.each([
    ["SUM", MetricAggregation.SUM, 110],
    ["AVG", MetricAggregation.AVG, 22],
    ["MIN", MetricAggregation.MIN, 1],
    ["MAX", MetricAggregation.MAX, 100],
    ["COUNT", MetricAggregation.COUNT, 5],
    // Between ranks: 0.95 of the way through four gaps is 0.8 of the last, from 4 to 100.
    ["P95", MetricAggregation.P95, 4 + 0.8 * 96],
    ["P99", MetricAggregation.P99, 4 + 0.96 * 96],
  ])("aggregates the samples of each series by %s", async (_, aggregation, expected) => {
    const { get, record } = createFixture();
    await record([3, 1, 100, 2, 4]);
    const { series } = await get({ names: [queue], timeRange: wholeRange, aggregation });
    expect(series).toHaveLength(1);
    expect(series[0]!.value).toBeCloseTo(expected, 9);
    expect(series[0]!.samples).toEqual([]);
  });

  it("aggregates the one sample of now without a range", async () => {
    const { get, record } = createFixture();
    await record([3, 8]);
    const { series } = await get({ names: [queue], aggregation: MetricAggregation.SUM });
    expect(series[0]!.value).toBe(8);
  });

  it("refuses an answer of more than 100,000 samples, and gives the same range aggregated", async () => {
    const { get, record, metrics } = createFixture();
    for (let i = 0; i < 100; i++) for (const stage of ["a", "b", "c"]) metrics.error("p", stage, `r${i}`);
    await record(Array.from({ length: 720 }, (_, i) => i));
    await expect(get({ timeRange: wholeRange })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      violations: [{ field: "time_range", ruleId: "metrics.samples" }],
    });
    const { series } = await get({ timeRange: wholeRange, aggregation: MetricAggregation.COUNT });
    expect(series.find(({ name }) => name === queue)?.value).toBe(720);
  });
});

describe("history", () => {
  it("forgets what is older than an hour", async () => {
    const { record, history, get } = createFixture();
    await record(Array.from({ length: 721 }, (_, i) => i));
    expect(history.stats()).toMatchObject({ samples: 720 });
    expect(history.startMs()).toBe(startMs + 5000);
    const { series } = await get({
      names: [queue],
      timeRange: wholeRange,
      aggregation: MetricAggregation.MIN,
    });
    expect(series[0]!.value).toBe(1);
  });

  it("remembers a bounded number of series, buckets last", async () => {
    const { record, history, metrics, get } = createFixture({ maxSeries: 150 });
    metrics.rpc("S.M", "grpc", "OK", 1);
    for (let i = 0; i < 20; i++) metrics.error("p", "ingest", `r${i}`);
    await record([1, 2]);
    expect(history.stats()).toMatchObject({ series: 150, samples: 2 });
    expect(history.stats().series_without_history).toBeGreaterThan(0);
    const { series } = await get({
      names: ["errors_total", "weir_rpc_duration_seconds_count"],
      timeRange: wholeRange,
    });
    expect(series).toHaveLength(21);
  });

  it("takes what comes late in place of a bucket, in the place's past too", async () => {
    const { record, history, metrics, get } = createFixture({ maxSeries: 150 });
    for (let i = 0; i < 20; i++) metrics.rpc(`S.M${i}`, "grpc", "OK", 1);
    await record([1, 2]);
    expect(history.stats()).toMatchObject({ series: 150 });
    const left = Number(history.stats().series_without_history);
    metrics.duplicates("late", 1);
    await record([3, 4]);
    expect(history.stats()).toMatchObject({ series: 150, series_without_history: left + 1 });
    const { series } = await get({ names: ["weir_duplicates_total"], timeRange: wholeRange });
    expect(series.map(({ samples }) => samples.map(({ value }) => value))).toEqual([[1, 1]]);
  });

  it("leaves out what comes late where no bucket is kept", async () => {
    const { record, history, metrics, get } = createFixture({ maxSeries: 3 });
    await record([1]);
    metrics.duplicates("late", 1);
    await record([2]);
    expect(history.stats()).toMatchObject({ series: 3 });
    expect((await get({ names: ["weir_duplicates_total"], timeRange: wholeRange })).series).toEqual([]);
  });

  it("samples by itself once started, and no more once closed", async () => {
    const { history, metrics } = createFixture({ intervalMs: 2, now: Date.now });
    history.start();
    await vi.waitFor(() => expect(Number(history.stats().samples)).toBeGreaterThanOrEqual(3));
    await history.close();
    const { samples } = history.stats();
    await metrics.text();
    expect(history.stats().samples).toBe(samples);
  });

  it("is degraded while metrics cannot be read, and says why", async () => {
    const { history, service, metrics } = createFixture();
    const health = async () =>
      (await service.health!(create(MetricsServiceHealthRequestSchema), call)).components;
    await history.sample();
    expect(await health()).toEqual([{ name: "metrics", status: HealthStatus.HEALTHY, message: "" }]);
    const broken = vi.spyOn(metrics.registry, "getMetricsAsJSON").mockRejectedValue(new Error("unreadable"));
    await history.sample();
    expect(await health()).toEqual([
      { name: "metrics", status: HealthStatus.DEGRADED, message: "unreadable" },
    ]);
    broken.mockRestore();
    await history.sample();
    expect(history.health().status).toBe("healthy");
  });
});

describe("ExportMetrics", () => {
  const odd = 'a "b",\nc\\';

  it("gives Prometheus's text by default, as /metrics does", async () => {
    const { export: exported, metrics } = createFixture();
    metrics.duplicates(odd, 3);
    for (const format of [MetricsFormat.UNSPECIFIED, MetricsFormat.PROMETHEUS]) {
      const { content, contentType } = await exported(format);
      expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(content).toContain('weir_duplicates_total{project="a \\"b\\",\\nc\\\\"} 3\n');
    }
  });

  it("gives the answer of GetMetrics as JSON", async () => {
    const { export: exported, metrics } = createFixture();
    metrics.duplicates(odd, 3);
    const { content, contentType } = await exported(MetricsFormat.JSON);
    expect(contentType).toBe("application/json");
    const { series } = fromJsonString(MetricsServiceGetMetricsResponseSchema, content);
    const duplicates = series.filter(({ name }) => name === "weir_duplicates_total");
    expect(duplicates.map(({ labels, samples }) => [labels, samples.map((s) => s.value)])).toEqual([
      [{ project: odd }, [3]],
    ]);
    expect(series.every(({ samples }) => samples.length === 1)).toBe(true);
    expect(content).toContain('"history_start_time"');
  });

  it("gives CSV with a header and labels as a JSON object, quoted where they must be", async () => {
    const { export: exported, metrics } = createFixture();
    metrics.events(odd, "ingest", "accepted", 3);
    metrics.observe("g_infinite", "Beyond all numbers.", [], () => Number.NEGATIVE_INFINITY);
    const { content, contentType } = await exported(MetricsFormat.CSV);
    expect(contentType).toBe("text/csv");
    const rows = parseCsv(content);
    expect(rows[0]).toEqual(["name", "type", "labels", "value"]);
    expect(rows.every((row) => row.length === 4)).toBe(true);
    const [, type, labels, value] = rows.find(([name]) => name === "events_processed_total")!;
    expect([type, value]).toEqual(["counter", "3"]);
    expect(JSON.parse(labels!)).toEqual({ project: odd, stage: "ingest", result: "accepted" });
    expect(rows.find(([name]) => name === "g_infinite")?.[3]).toBe("-Inf");
    expect(rows.find(([name]) => name === queue)).toEqual([queue, "gauge", "{}", "0"]);
    expect(rows.some(([, kind, l]) => kind === "histogram" && JSON.parse(l!).le === "+Inf")).toBe(true);
  });
});

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === "\r\n") {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}
