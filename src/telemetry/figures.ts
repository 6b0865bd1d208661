import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AnalyticsServiceGetMetricsResponseSchema } from "../../gen/analytics/v1/analytics_pb.js";
import { stageGauges } from "./catalogue.ts";
import type { Metrics } from "./metrics.ts";
import { type Reading, readSeries } from "./reading.ts";

/**
 * The answer of AnalyticsService.GetMetrics, from the metrics alone. Lag and stored events are those of the stageGauges
 * lagEvents, lagSeconds and storedEvents; where this process does not observe one it counts 0.
 */
export async function platformFigures(
  metrics: Metrics,
): Promise<MessageInitShape<typeof AnalyticsServiceGetMetricsResponseSchema>> {
  const readings = await readSeries(metrics.registry);
  const total = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    readings.filter((reading) => matches(reading, name, labels)).reduce((sum, { value }) => sum + value, 0);
  const count = (name: string, labels?: Readonly<Record<string, string>>) =>
    BigInt(Math.round(total(name, labels)));
  const requests = metrics.requestQuantiles();
  return {
    eventsProcessed: count("events_processed_total", { stage: "consume", result: "applied" }),
    eventsPerSecond: metrics.appliedPerSecond(),
    duplicates: count("weir_duplicates_total"),
    errors: count("errors_total"),
    deadLetters: count("weir_dead_letters_total"),
    rateLimited: count("weir_rate_limited_total"),
    lagEvents: count(stageGauges.lagEvents[0]),
    lagSeconds: total(stageGauges.lagSeconds[0]),
    storedEvents: count(stageGauges.storedEvents[0]),
    uptimeSeconds: total("service_uptime_seconds"),
    ...(requests && {
      requestP50Seconds: requests.p50,
      requestP95Seconds: requests.p95,
      requestP99Seconds: requests.p99,
    }),
  };
}

function matches({ series }: Reading, name: string, labels: Readonly<Record<string, string>>): boolean {
  return (
    series.name === name && Object.entries(labels).every(([label, value]) => series.labels[label] === value)
  );
}
