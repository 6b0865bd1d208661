import type { Registry } from "prom-client";

export type MetricKind = "counter" | "gauge" | "histogram" | "summary";

/** What a series is known by. A histogram is its series _bucket, _sum and _count. */
export interface Series {
  /** Name of its metric. */
  readonly metric: string;
  /** Its own name: the metric's, with a suffix where it is part of a histogram. */
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The labels as a JSON object with its names in order: the same text for the same labels. */
  readonly labelText: string;
}

/** A series as it stands now. */
export interface Reading {
  readonly series: Series;
  readonly value: number;
}

/** Every series of the registry that has a value; NaN is none. */
export async function readSeries(registry: Registry): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (const { name: metric, help, type, values } of await registry.getMetricsAsJSON()) {
    for (const entry of values as { metricName?: string; labels: object; value: number }[]) {
      if (Number.isNaN(entry.value)) continue;
      const labels = Object.fromEntries(Object.entries(entry.labels).map(([name, v]) => [name, String(v)]));
      const name = entry.metricName ?? metric;
      const kind = type as unknown as MetricKind;
      readings.push({
        series: { metric, name, kind, help, labels, labelText: textOf(labels) },
        value: entry.value,
      });
    }
  }
  return readings;
}

/** By name, then by labels. */
export function compareSeries(a: Series, b: Series): number {
  return compare(a.name, b.name) || compare(a.labelText, b.labelText);
}

function textOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([a], [b]) => compare(a, b))));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
