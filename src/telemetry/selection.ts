import type { Series } from "./reading.ts";

/** Whether a series is one of those that a request names: by its own name or its metric's, and by its labels. */
export function seriesFilter(
  names: readonly string[],
  labels: Readonly<Record<string, string>>,
): (series: Series) => boolean {
  const asked = new Set(names);
  const pairs = Object.entries(labels);
  return (series) =>
    (asked.size === 0 || asked.has(series.metric) || asked.has(series.name)) &&
    pairs.every(([name, value]) => series.labels[name] === value);
}
