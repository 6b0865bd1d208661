import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type MetricSeriesSchema,
  MetricsFormat,
  type MetricsService,
  MetricsServiceGetMetricsResponseSchema,
  MetricType,
} from "../../gen/analytics/v1/metrics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { invalidField } from "../domain/errors.ts";
import { healthAnswer, type StageHealth } from "../domain/health.ts";
import { aggregate } from "./aggregate.ts";
import { csvOf, jsonOf } from "./export.ts";
import type { History, HistorySeries } from "./history.ts";
import type { Metrics } from "./metrics.ts";
import { compareSeries, readSeries, type Series } from "./reading.ts";

export interface MetricsServiceOptions {
  readonly metrics: Metrics;
  readonly history: History;
  /** The parts of the health answer. Default: the history's own. */
  readonly health?: () => readonly StageHealth[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Samples that one answer may hold: some 3 MB. */
const maxSamples = 100_000;

const types = {
  counter: MetricType.COUNTER,
  gauge: MetricType.GAUGE,
  histogram: MetricType.HISTOGRAM,
  summary: MetricType.SUMMARY,
};

export function createMetricsService(
  options: MetricsServiceOptions,
): Partial<ServiceImplementation<typeof MetricsService>> {
  const { metrics, history, now, health = () => [history.health()] } = options;

  async function current(wanted: (series: Series) => boolean): Promise<HistorySeries[]> {
    const readings = await readSeries(metrics.registry);
    const timeMs = now();
    return readings
      .filter(({ series }) => wanted(series))
      .sort((a, b) => compareSeries(a.series, b.series))
      .map(({ series, value }) => ({ series, samples: [{ timeMs, value }] }));
  }

  const historyStartTime = () => timestampFromMs(history.startMs() ?? now());

  return {
    async getMetrics({ names, labels, timeRange, aggregation }) {
      const asked = new Set(names);
      const pairs = Object.entries(labels);
      const wanted = (series: Series) =>
        (asked.size === 0 || asked.has(series.metric) || asked.has(series.name)) &&
        pairs.every(([name, value]) => series.labels[name] === value);
      const found =
        timeRange === undefined
          ? await current(wanted)
          : history.between(
              instant(timeRange.start) ?? Number.NEGATIVE_INFINITY,
              instant(timeRange.end) ?? Number.POSITIVE_INFINITY,
              wanted,
            );
      const series = found.map((one) => {
        const value = aggregate(
          aggregation,
          one.samples.map((sample) => sample.value),
        );
        return value === undefined ? messageOf(one) : { ...messageOf({ ...one, samples: [] }), value };
      });
      const total = series.reduce((sum, one) => sum + (one.samples?.length ?? 0), 0);
      if (total > maxSamples) {
        throw invalidField(
          "time_range",
          `the answer would have ${total} samples, more than ${maxSamples}: name metrics, shorten the range, or aggregate`,
          "metrics.samples",
        );
      }
      return { series, historyStartTime: historyStartTime() };
    },

    async exportMetrics({ format }) {
      if (format === MetricsFormat.JSON) {
        const series = (await current(() => true)).map(messageOf);
        const answer = create(MetricsServiceGetMetricsResponseSchema, {
          series,
          historyStartTime: historyStartTime(),
        });
        return { content: jsonOf(answer), contentType: "application/json" };
      }
      if (format === MetricsFormat.CSV) {
        return { content: csvOf(await current(() => true)), contentType: "text/csv" };
      }
      return { content: await metrics.text(), contentType: metrics.registry.contentType };
    },

    async health() {
      return healthAnswer(health());
    },
  };
}

function messageOf({ series, samples }: HistorySeries): MessageInitShape<typeof MetricSeriesSchema> {
  const { name, kind, help, labels } = series;
  return {
    name,
    type: types[kind],
    help,
    labels: { ...labels },
    samples: samples.map(({ timeMs, value }) => ({ time: timestampFromMs(timeMs), value })),
  };
}

/** Milliseconds since 1970, with a fraction. */
function instant(time: Timestamp | undefined): number | undefined {
  return time && Number(time.seconds) * 1000 + time.nanos / 1e6;
}
