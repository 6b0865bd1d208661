/** Metrics and groups, by plain loops. */
import type { Dimension, Metric, StoredEvent } from "../../src/store/questions.ts";
import { byBytes, quantile } from "./events.ts";
import { sessionsOf } from "./sessions-plain.ts";

/** Computes the metric of any of the selected events; NaN where there is nothing to go by. */
export type Measure = (some: readonly StoredEvent[]) => number;

/** @param selected all events that count, of which sessions are built */
export function measureOf(metric: Metric, selected: readonly StoredEvent[]): Measure {
  if (metric.kind === "events") return (some) => some.length;
  if (metric.kind === "unique_users") return (some) => new Set(some.map((event) => event.userId)).size;
  if (metric.kind === "sessions") {
    const first = new Set(sessionsOf(selected, metric.gapUs).map(([event]) => event));
    return (some) => some.filter((event) => first.has(event)).length;
  }
  return (some) => {
    const values = some.flatMap(({ measures }) =>
      Object.hasOwn(measures, metric.measure) ? [measures[metric.measure]!] : [],
    );
    const sum = values.reduce((total, value) => total + value, 0);
    if (metric.kind === "sum") return sum;
    if (values.length === 0) return Number.NaN;
    if (metric.kind === "avg") return sum / values.length;
    if (metric.kind === "quantile") return quantile(values, metric.p);
    return metric.kind === "min" ? Math.min(...values) : Math.max(...values);
  };
}

/** Whether groups are ranked by the metric itself, and it has shares; else they are ranked by events. */
export function isCountOrSum({ kind }: Metric): boolean {
  return ["events", "unique_users", "sessions", "sum"].includes(kind);
}

export function dimensionOf(event: StoredEvent, dimension: Dimension): string {
  if (dimension.kind === "property") {
    const { properties } = event;
    return Object.hasOwn(properties, dimension.key) ? properties[dimension.key]! : "";
  }
  const { id, userId, sessionId, name, eventType, source } = event;
  return { id, user_id: userId, session_id: sessionId, name, event_type: eventType, source }[dimension.field];
}

export interface Group {
  readonly values: readonly string[];
  readonly events: readonly StoredEvent[];
}

/** The groups of the highest rank, and the events of all others. */
export function rankedGroups(
  selected: readonly StoredEvent[],
  metric: Metric,
  dimensions: readonly Dimension[],
  limit: number,
): { readonly top: readonly Group[]; readonly other: readonly StoredEvent[] } {
  const byValues = new Map<string, { values: string[]; events: StoredEvent[] }>();
  for (const event of selected) {
    const values = dimensions.map((dimension) => dimensionOf(event, dimension));
    const key = JSON.stringify(values);
    const group = byValues.get(key) ?? { values, events: [] };
    group.events.push(event);
    byValues.set(key, group);
  }
  const measure = measureOf(isCountOrSum(metric) ? metric : { kind: "events" }, selected);
  const groups = [...byValues.values()].map((group) => ({ ...group, rank: measure(group.events) }));
  groups.sort((a, b) => {
    const differences = a.values.map((value, i) => byBytes(value, b.values[i]!));
    return b.rank - a.rank || (differences.find((order) => order !== 0) ?? 0);
  });
  return { top: groups.slice(0, limit), other: groups.slice(limit).flatMap((group) => group.events) };
}
