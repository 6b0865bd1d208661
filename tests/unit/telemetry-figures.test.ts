import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { platformFigures } from "../../src/telemetry/figures.ts";
import { createLatency, createLifetimeLatency } from "../../src/telemetry/latency.ts";
import { createMetrics, stageGauges } from "../../src/telemetry/metrics.ts";
import { createRate } from "../../src/telemetry/rate.ts";

/** The smallest that at least this share did not exceed. */
function nearestRank(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1]!;
}

describe("latency quantiles", () => {
  it("are within 1% of those computed from all durations", () => {
    const durations = fc.array(fc.double({ min: 2e-6, max: 3000, noNaN: true }), {
      minLength: 1,
      maxLength: 500,
    });
    fc.assert(
      fc.property(durations, (values) => {
        const latency = createLatency({ now: () => 0 });
        for (const value of values) latency.add(value);
        const quantiles = latency.quantiles()!;
        for (const [share, found] of [
          [0.5, quantiles.p50],
          [0.95, quantiles.p95],
          [0.99, quantiles.p99],
        ] as const) {
          const exact = nearestRank(values, share);
          expect(Math.abs(found - exact) / exact).toBeLessThan(0.01);
        }
      }),
    );
  });

  it("take any number: what is too small or too great counts as the bound", () => {
    const latency = createLifetimeLatency();
    for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) latency.add(value);
    expect(latency.quantiles()?.p50).toBe(1e-6);
    expect(latency.quantiles()?.p99).toBeGreaterThan(3500);
  });

  it("forget what is older than the window, and only that", () => {
    const clock = { ms: 1_000_000 };
    const latency = createLatency({ now: () => clock.ms });
    latency.add(1);
    clock.ms += 59_999;
    expect(latency.quantiles()?.p50).toBeCloseTo(1, 1);
    latency.add(10, 5);
    clock.ms += 6000;
    expect(latency.quantiles()?.p50).toBeCloseTo(10, 0);
    clock.ms += 3_600_000;
    expect(latency.quantiles()).toBeUndefined();
  });

  it("survive a clock that goes back", () => {
    const clock = { ms: 1_000_000 };
    const latency = createLatency({ now: () => clock.ms });
    clock.ms -= 500_000;
    latency.add(1);
    expect(latency.quantiles()?.p50).toBeCloseTo(1, 1);
  });
});

describe("rate", () => {
  it("is the count of the last 60 seconds over the time that it covers", () => {
    const clock = { ms: 500 };
    const rate = createRate({ now: () => clock.ms });
    expect(rate.perSecond()).toBe(0);
    rate.add(30);
    expect(rate.perSecond()).toBe(30);
    clock.ms += 10_000;
    expect(rate.perSecond()).toBe(3);
    clock.ms = 120_000;
    expect(rate.perSecond()).toBe(0);
    rate.add(590);
    // Whole seconds 61 to 119, and nothing yet of second 120.
    expect(rate.perSecond()).toBe(10);
  });

  it("agrees with a plain count of the seconds that the ring holds", () => {
    const steps = fc.array(fc.record({ wait: fc.nat(90_000), count: fc.nat(100) }), { maxLength: 50 });
    fc.assert(
      fc.property(steps, (all) => {
        const clock = { ms: 7_000_000 };
        const rate = createRate({ now: () => clock.ms });
        const added: { second: number; count: number }[] = [];
        for (const { wait, count } of all) {
          clock.ms += wait;
          rate.add(count);
          added.push({ second: Math.floor(clock.ms / 1000), count });
          const first = Math.floor(clock.ms / 1000) - 59;
          const sum = added.reduce((total, one) => total + (one.second >= first ? one.count : 0), 0);
          const span = Math.min(clock.ms / 1000 - first, (clock.ms - 7_000_000) / 1000);
          expect(rate.perSecond()).toBeCloseTo(sum / Math.max(1, span), 6);
        }
      }),
    );
  });
});

describe("the platform's figures", () => {
  it("are those of the metrics, over all projects", async () => {
    const clock = { ms: 1_000_000 };
    const metrics = createMetrics({ startedAtMs: clock.ms, now: () => clock.ms });
    metrics.events("a", "ingest", "accepted", 100);
    metrics.events("a", "consume", "applied", 20);
    metrics.events("b", "consume", "applied", 40);
    metrics.events("b", "consume", "dead_letter", 7);
    metrics.duplicates("a", 3);
    metrics.error("a", "ingest", "INVALID_EVENT", 4);
    metrics.error("", "transport", "MALFORMED_BODY");
    metrics.deadLetters("b", "UNDECODABLE", 7);
    metrics.rateLimited("b");
    metrics.rpc("S.M", "rest", "OK", 0.5);
    metrics.rpc("S.Watch", "grpc", "OK", 3000, true);
    metrics.observe(...stageGauges.lagEvents, () => [
      { labels: { partition: 0 }, value: 5 },
      { labels: { partition: 1 }, value: 6 },
    ]);
    metrics.observe(...stageGauges.lagSeconds, () => 1.5);
    metrics.observe(...stageGauges.storedEvents, () => 60);
    clock.ms += 10_000;
    const figures = await platformFigures(metrics);
    expect(figures).toMatchObject({
      eventsProcessed: 60n,
      eventsPerSecond: 6,
      duplicates: 3n,
      errors: 5n,
      deadLetters: 7n,
      rateLimited: 1n,
      lagEvents: 11n,
      lagSeconds: 1.5,
      storedEvents: 60n,
      uptimeSeconds: 10,
    });
    expect(figures.requestP99Seconds).toBeCloseTo(0.5, 2);
  });

  it("are 0 for parts that do not run here, and without quantiles before the first request", async () => {
    const figures = await platformFigures(createMetrics({ startedAtMs: 0, now: () => 0 }));
    expect(figures).toMatchObject({
      eventsProcessed: 0n,
      eventsPerSecond: 0,
      lagEvents: 0n,
      storedEvents: 0n,
    });
    expect(figures).not.toHaveProperty("requestP50Seconds");
  });
});
