import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type MetricSeriesSchema, MetricType } from "../../gen/analytics/v1/metrics_pb.js";
import type { HistorySeries } from "./history.ts";

const types = {
  counter: MetricType.COUNTER,
  gauge: MetricType.GAUGE,
  histogram: MetricType.HISTOGRAM,
  summary: MetricType.SUMMARY,
};

/** A series and its samples as the contract's message. */
export function seriesMessage({
  series,
  samples,
}: HistorySeries): MessageInitShape<typeof MetricSeriesSchema> {
  const { name, kind, help, labels } = series;
  return {
    name,
    type: types[kind],
    help,
    labels: { ...labels },
    samples: samples.map(({ timeMs, value }) => ({ time: timestampFromMs(timeMs), value })),
  };
}
