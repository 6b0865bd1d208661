/** Spans that a collector cannot take in time, by a real one. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { LogFields, Logger } from "../../src/telemetry/logger.ts";
import { createOtlpTracing } from "../../src/telemetry/otlp/tracing.ts";
import { type Collector, startCollector } from "../support/collector.ts";

let collector: Collector;
beforeAll(async () => {
  collector = await startCollector();
});
afterAll(() => collector?.close());

it("counts the spans that found no room and tells of all", async () => {
  const told: LogFields[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    error() {},
    warn: (fields) => told.push(fields),
    child: () => logger,
  };
  const tracing = createOtlpTracing({
    endpoint: collector.url,
    headers: {},
    ratio: 1,
    resource: { "service.name": "weir" },
    logger,
  });
  // In one go, so that the collector has no chance to answer: 512 go out at once and 8,192 wait.
  const made = 10_000;
  for (let i = 0; i < made; i++) tracing.begin("span", { kind: "internal" })!.end();
  expect(tracing.lost()).toBe(made - 8192 - 512);
  expect(told).toEqual([{ lostSpans: 1, url: `${collector.url}/v1/traces` }]);

  await tracing.close();
  // One that was given up may have arrived all the same.
  expect(collector.spans().length + tracing.lost()).toBeGreaterThanOrEqual(made);
  expect(told.reduce((sum, { lostSpans }) => sum + Number(lostSpans), 0)).toBe(tracing.lost());
});
