import { Counter, Histogram, type Registry } from "prom-client";
import type { MetricDefinition } from "./catalogue.ts";

/** For each label the function that keeps its values finite. */
export type LabelBounds = Readonly<Record<string, (value: string) => string>>;

/** Adds to the series with these label values, given in the definition's order. */
export type Add = (amount: number, ...values: string[]) => void;

/** A counter with its children cached. Adding 0 makes no series. */
export function createCounters(
  registry: Registry,
  name: string,
  definition: MetricDefinition,
  bounds: LabelBounds,
): Add {
  const counter = new Counter({
    name,
    help: definition.help,
    labelNames: [...definition.labels],
    registers: [registry],
  });
  const child = cachedChildren(definition.labels, bounds, (labels) => counter.labels(labels));
  return (amount, ...values) => {
    if (amount !== 0) child(values).inc(amount);
  };
}

/** A histogram with its children cached. */
export function createHistograms(
  registry: Registry,
  name: string,
  definition: MetricDefinition,
  bounds: LabelBounds,
): Add {
  const histogram = new Histogram({
    name,
    help: definition.help,
    labelNames: [...definition.labels],
    buckets: [...(definition.buckets ?? [])],
    registers: [registry],
  });
  const child = cachedChildren(definition.labels, bounds, (labels) => histogram.labels(labels));
  return (amount, ...values) => child(values).observe(amount);
}

/** Children by their bounded label values: as many as the bounds allow, and found without making a label object. */
function cachedChildren<T>(
  labels: readonly string[],
  bounds: LabelBounds,
  make: (labels: Record<string, string>) => T,
): (values: readonly string[]) => T {
  const children = new Map<string, T>();
  return (values) => {
    const bounded = labels.map((label, i) => bounds[label]!(values[i]!));
    const key = bounded.join("\0");
    let child = children.get(key);
    if (child === undefined) {
      child = make(Object.fromEntries(labels.map((label, i) => [label, bounded[i]!])));
      children.set(key, child);
    }
    return child;
  };
}
