import { Counter, Gauge, type Registry } from "prom-client";

/** One labelled value of an observed metric. */
export interface LabelledValue {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What an observed metric stands at. */
export type Read = () => number | readonly LabelledValue[];

export interface ObservedOptions {
  readonly registry: Registry;
  readonly kind: "gauge" | "counter";
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: Read;
  /** Told where it cannot be read. */
  readonly onFailure: () => void;
}

/** Registers a metric that is read at each scrape. */
export function registerObserved({ registry, kind, read, onFailure, ...options }: ObservedOptions): void {
  const { name, help } = options;
  const labelNames = [...options.labels];
  const common = { name, help, labelNames, registers: [registry] };
  // What was read last is forgotten, so that no value of a label outlives what it stands for.
  const collect = (metric: Gauge | Counter) => {
    metric.reset();
    try {
      const value = read();
      if (typeof value === "number") metric.inc(value);
      else for (const one of value) metric.inc({ ...one.labels }, one.value);
    } catch {
      // One without labels stands at 0 after a reset, which would be a false value.
      if (labelNames.length === 0) metric.remove();
      else metric.reset();
      onFailure();
    }
  };
  if (kind === "gauge")
    new Gauge({
      ...common,
      collect() {
        collect(this);
      },
    });
  else
    new Counter({
      ...common,
      collect() {
        collect(this);
      },
    });
}
