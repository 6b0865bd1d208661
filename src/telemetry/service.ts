import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  MetricsFormat,
  type MetricsService,
  MetricsServiceGetMetricsResponseSchema,
} from "../../gen/analytics/v1/metrics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { invalidField } from "../domain/errors.ts";
import { healthAnswer, type StageHealth } from "../domain/health.ts";
import { aggregate } from "./aggregate.ts";
import { csvOf, jsonOf } from "./export.ts";
import type { History, HistorySeries } from "./history.ts";
import { seriesMessage } from "./message.ts";
import { compareSeries, readSeries, type Series } from "./reading.ts";
import { seriesFilter } from "./selection.ts";
import { createMetricsStream, type StreamOptions } from "./stream.ts";

export interface MetricsServiceOptions extends StreamOptions {
  readonly history: History;
  /** The parts of the health answer. Default: the history's own. */
  readonly health?: () => readonly StageHealth[];
}

/** Samples that one answer may hold: some 3 MB. */
const maxSamples = 100_000;

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
      const wanted = seriesFilter(names, labels);
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
        return value === undefined
          ? seriesMessage(one)
          : { ...seriesMessage({ ...one, samples: [] }), value };
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

    streamMetrics: createMetricsStream(options),

    async exportMetrics({ format }) {
      if (format === MetricsFormat.JSON) {
        const series = (await current(() => true)).map(seriesMessage);
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

/** Milliseconds since 1970, with a fraction. */
function instant(time: Timestamp | undefined): number | undefined {
  return time && Number(time.seconds) * 1000 + time.nanos / 1e6;
}
