import { MetricAggregation } from "../../gen/analytics/v1/metrics_pb.js";

/** One value of a series' samples, at least one. The unspecified aggregation makes none. */
export function aggregate(how: MetricAggregation, values: readonly number[]): number | undefined {
  switch (how) {
    case MetricAggregation.SUM:
      return sum(values);
    case MetricAggregation.AVG:
      return sum(values) / values.length;
    case MetricAggregation.MIN:
      return values.reduce((a, b) => Math.min(a, b));
    case MetricAggregation.MAX:
      return values.reduce((a, b) => Math.max(a, b));
    case MetricAggregation.COUNT:
      return values.length;
    case MetricAggregation.P95:
      return quantile(values, 0.95);
    case MetricAggregation.P99:
      return quantile(values, 0.99);
    default:
      return undefined;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Linearly interpolated between the closest ranks (Hyndman and Fan's type 7, the default of R and NumPy). */
function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  const above = sorted[Math.ceil(at)]!;
  return below + (above - below) * (at - Math.floor(at));
}
