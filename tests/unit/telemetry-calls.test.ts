import { expect, it } from "vitest";
import { type AnsweredCall, countCall } from "../../src/telemetry/calls.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";

const question: AnsweredCall = {
  method: "analytics.v1.AnalyticsService/GetAnalyticsSummary",
  protocol: "rest",
  code: "OK",
  durationMs: 10,
  stream: false,
  project: "default",
};

it.each<[string, Partial<AnsweredCall>, number]>([
  ["a question", {}, 1],
  ["one that was too slow", { code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" }, 1],
  ["one without a key", { code: "UNAUTHENTICATED", reason: "NO_KEY" }, 0],
  ["one that found no room", { code: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_REQUESTS" }, 0],
  ["the service's health", { method: "analytics.v1.AnalyticsService/GetAnalyticsHealth" }, 0],
  ["the platform's figures", { method: "analytics.v1.AnalyticsService/GetMetrics" }, 0],
  ["a stream", { stream: true }, 0],
])("times as stage query what was asked: %s", async (_, call, times) => {
  const metrics = createMetrics({ startedAtMs: 0, now: () => 0 });
  countCall({ ...question, ...call }, metrics, () => {});
  const count = /^event_processing_duration_seconds_count\{stage="query"\} (\d+)$/m.exec(
    await metrics.text(),
  );
  expect(Number(count?.[1] ?? 0)).toBe(times);
});
