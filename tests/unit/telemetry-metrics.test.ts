import { describe, expect, it } from "vitest";
import { createHistory } from "../../src/telemetry/history.ts";
import { createMetrics, type Metrics, otherProjects, stageGauges } from "../../src/telemetry/metrics.ts";

function metricsAt(clock = { ms: 10_000 }): Metrics {
  return createMetrics({ startedAtMs: 10_000, now: () => clock.ms });
}

/** One line of the text format, 0.0.4: name, labels, value. */
const sampleLine =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (-?[0-9.]+(?:e[+-]?\d+)?|Nan|[+-]Inf)$/;

interface Line {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

async function lines(metrics: Metrics, name: string): Promise<Line[]> {
  return (await metrics.text()).split("\n").flatMap((line) => {
    const match = sampleLine.exec(line);
    return match?.[1] === name ? [{ name, labels: match[2] ?? "", value: Number(match[3]) }] : [];
  });
}

describe("exposition", () => {
  it("is Prometheus's text format, each metric with one HELP and one TYPE before its samples", async () => {
    const metrics = metricsAt();
    metrics.events('a "quoted" \\ project\n', "ingest", "accepted", 1);
    metrics.rpc("S.M", "grpc", "OK", 0.02);
    metrics.observe(...stageGauges.lagEvents, () => [{ labels: { partition: 0 }, value: 5 }]);
    let current = "";
    const types = new Map<string, string>();
    for (const line of (await metrics.text()).split("\n")) {
      if (line === "") continue;
      const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
      if (kind === "HELP") current = name!;
      else if (kind === "TYPE") {
        expect(name).toBe(current);
        expect(types.has(name!), name).toBe(false);
        types.set(name!, rest!);
      } else {
        const sample = sampleLine.exec(line);
        expect(sample, line).not.toBeNull();
        const suffixes = types.get(current) === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
        expect(suffixes.map((suffix) => current + suffix)).toContain(sample![1]);
      }
    }
    expect(types.get("kafka_consumer_lag_total")).toBe("gauge");
  });

  it("leaves out the default gauges that are named like counters", async () => {
    expect(await metricsAt().text()).not.toMatch(/nodejs_active_(handles|requests|resources)_total/);
  });

  it("tells every reader of a delay of the event loop, whoever read before", async () => {
    const metrics = metricsAt();
    const greatest = async () => (await lines(metrics, "nodejs_eventloop_lag_max_seconds"))[0]!.value;
    const history = createHistory({ metrics, now: Date.now });
    // The monitor has to have begun, and then to see the thread free again.
    await expect.poll(greatest).toBeGreaterThan(0);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    await expect.poll(greatest).toBeGreaterThan(0.25);
    const seen = await greatest();
    expect(seen).toBeGreaterThan(0.25);
    await history.sample();
    const [kept] = history.between(0, Infinity, ({ name }) => name === "nodejs_eventloop_lag_max_seconds");
    expect(kept!.samples[0]!.value).toBeGreaterThanOrEqual(seen);
    expect(await greatest()).toBeGreaterThanOrEqual(seen);
  });

  it("adds up counts of the same labels and makes no series of nothing", async () => {
    const metrics = metricsAt();
    metrics.events("p", "ingest", "accepted", 2);
    metrics.events("p", "ingest", "accepted", 3);
    metrics.events("p", "ingest", "rejected", 0);
    expect(await lines(metrics, "events_processed_total")).toEqual([
      { name: "events_processed_total", labels: 'project="p",stage="ingest",result="accepted"', value: 5 },
    ]);
  });

  it("counts where each method says", async () => {
    const metrics = metricsAt();
    metrics.duplicates("p", 2);
    metrics.deadLetters("p", "UNDECODABLE", 3);
    metrics.rateLimited("p");
    metrics.error("", "transport", "MALFORMED_BODY");
    metrics.flush(10, 4096, 0.002);
    metrics.apply(10, 0.03);
    metrics.batch(10);
    metrics.append(0.004);
    metrics.visibilityDelay(0.05);
    metrics.processing("query", 0.2);
    const values = async (name: string) =>
      (await lines(metrics, name)).map(({ labels, value }) => [labels, value]);
    expect(await values("weir_duplicates_total")).toEqual([['project="p"', 2]]);
    expect(await values("weir_dead_letters_total")).toEqual([['project="p",reason="UNDECODABLE"', 3]]);
    expect(await values("weir_rate_limited_total")).toEqual([['project="p"', 1]]);
    expect(await values("errors_total")).toEqual([
      ['project="",stage="transport",reason="MALFORMED_BODY"', 1],
    ]);
    expect(await values("weir_log_flush_bytes_total")).toEqual([["", 4096]]);
    expect(await values("weir_log_flush_events_sum")).toEqual([["", 10]]);
    expect(await values("weir_log_flush_duration_seconds_sum")).toEqual([["", 0.002]]);
    expect(await values("weir_store_apply_events_sum")).toEqual([["", 10]]);
    expect(await values("weir_store_apply_duration_seconds_sum")).toEqual([["", 0.03]]);
    expect(await values("weir_batch_events_sum")).toEqual([["", 10]]);
    expect(await values("weir_log_append_duration_seconds_sum")).toEqual([["", 0.004]]);
    expect(await values("weir_visibility_delay_seconds_sum")).toEqual([["", 0.05]]);
    expect(await values("event_processing_duration_seconds_sum")).toEqual([['stage="query"', 0.2]]);
  });

  it("knows its uptime and the calls under way", async () => {
    const clock = { ms: 10_000 };
    const metrics = metricsAt(clock);
    clock.ms += 2500;
    metrics.rpcStarted();
    metrics.rpcStarted();
    metrics.rpcEnded();
    expect((await lines(metrics, "service_uptime_seconds"))[0]?.value).toBe(2.5);
    expect((await lines(metrics, "weir_rpcs_in_flight"))[0]?.value).toBe(1);
  });
});

describe("labels", () => {
  it("name 100 projects and count the 101st and later ones together, over all metrics alike", async () => {
    const metrics = metricsAt();
    for (let i = 1; i <= 100; i++) metrics.events(`p${i}`, "ingest", "accepted", 1);
    expect(await lines(metrics, "events_processed_total")).toHaveLength(100);
    for (const late of ["p101", "p102"]) {
      metrics.events(late, "ingest", "accepted", 1);
      metrics.duplicates(late, 1);
    }
    metrics.events("p100", "ingest", "accepted", 1);
    const events = await lines(metrics, "events_processed_total");
    const of = (project: string) =>
      events.find(({ labels }) => labels.startsWith(`project="${project}",`))?.value;
    expect(events).toHaveLength(101);
    expect([of("p100"), of(otherProjects), of("p101")]).toEqual([2, 2, undefined]);
    expect(
      (await lines(metrics, "weir_duplicates_total")).map(({ labels, value }) => [labels, value]),
    ).toEqual([[`project="${otherProjects}"`, 2]]);
  });

  it("do not count a missing project as one of the 100", async () => {
    const metrics = createMetrics({ startedAtMs: 0, now: () => 0, maxProjects: 1 });
    for (const project of ["", "a", "b", ""]) metrics.error(project, "transport", "INTERNAL");
    expect((await lines(metrics, "errors_total")).map(({ value }) => value)).toEqual([2, 1, 1]);
  });

  it("stay bounded whatever is passed as stage, reason, method, protocol and code", async () => {
    const metrics = metricsAt();
    for (let i = 0; i < 1000; i++) metrics.error("p", "ingest", `reason ${i}`);
    for (let i = 0; i < 1000; i++) metrics.rpc(`method ${i}`, "rest", "OK", 0);
    expect((await lines(metrics, "errors_total")).length).toBe(101);
    expect((await lines(metrics, "weir_rpc_duration_seconds_count")).length).toBe(201);
  });
});

describe("an observed gauge", () => {
  it("is read at each scrape and drops label values that are gone", async () => {
    const metrics = metricsAt();
    let depths = [
      { labels: { partition: 0 }, value: 3 },
      { labels: { partition: 1 }, value: 4 },
    ];
    metrics.observe(...stageGauges.lagEvents, () => depths);
    expect((await lines(metrics, "kafka_consumer_lag_total")).map(({ value }) => value)).toEqual([3, 4]);
    depths = [{ labels: { partition: 1 }, value: 9 }];
    expect(await lines(metrics, "kafka_consumer_lag_total")).toEqual([
      { name: "kafka_consumer_lag_total", labels: 'partition="1"', value: 9 },
    ]);
  });

  it.each([
    ["plain", "g_plain", []],
    ["labelled", "g_labelled", ["partition"]],
  ])("that cannot be read (%s) has no value, and the scrape goes on", async (_, name, labels) => {
    const metrics = metricsAt();
    metrics.observe(name, "Broken.", labels, () => {
      throw new Error("gone");
    });
    expect(await lines(metrics, name)).toEqual([]);
    expect((await lines(metrics, "errors_total"))[0]?.labels).toBe(
      'project="",stage="telemetry",reason="INTERNAL"',
    );
    expect((await lines(metrics, "service_uptime_seconds"))[0]?.value).toBe(0);
  });

  it("cannot take a name twice", () => {
    const metrics = metricsAt();
    metrics.observe(...stageGauges.storeBytes, () => 1);
    expect(() => metrics.observe(...stageGauges.storeBytes, () => 2)).toThrow(/already/);
  });
});
