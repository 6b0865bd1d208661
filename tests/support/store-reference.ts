/** What the store must answer, by plain loops over plain events. */
import type {
  BreakdownAnswer,
  BreakdownQuestion,
  CountedKey,
  Dimension,
  DimensionsAnswer,
  DimensionsQuestion,
  EventsQuestion,
  Metric,
  Selection,
  SeriesAnswer,
  SeriesQuestion,
  StoredEvent,
  SummaryAnswer,
  SummaryQuestion,
  UserAnswer,
  UserQuestion,
} from "../../src/store/questions.ts";

/** By UTF-8 bytes. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function own<T>(map: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

export type Passes = (event: StoredEvent) => boolean;

function selected(
  events: readonly StoredEvent[],
  { startUs, endUs }: Selection,
  passes: Passes,
): StoredEvent[] {
  return events.filter(
    (event) =>
      event.timestampUs >= (startUs ?? 0) && event.timestampUs < (endUs ?? Infinity) && passes(event),
  );
}

function groupBy<K>(
  events: readonly StoredEvent[],
  keysOf: (event: StoredEvent) => readonly K[],
): Map<K, StoredEvent[]> {
  const groups = new Map<K, StoredEvent[]>();
  for (const event of events) {
    for (const key of keysOf(event)) groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  return groups;
}

function measure(metric: Metric, events: readonly StoredEvent[]): number {
  if (metric.kind === "events") return events.length;
  if (metric.kind === "unique_users") return new Set(events.map((event) => event.userId)).size;
  return events.reduce((sum, event) => sum + (own(event.measures, metric.measure) ?? 0), 0);
}

function dimensionOf(event: StoredEvent, dimension: Dimension): string {
  if (dimension.kind === "property") return own(event.properties, dimension.key) ?? "";
  const { id, userId, sessionId, name, eventType, source } = event;
  return { id, user_id: userId, session_id: sessionId, name, event_type: eventType, source }[dimension.field];
}

function bounds(events: readonly StoredEvent[]) {
  if (events.length === 0) return {};
  const times = events.map((event) => event.timestampUs);
  return { firstEventUs: Math.min(...times), lastEventUs: Math.max(...times) };
}

function countBy(
  events: readonly StoredEvent[],
  keysOf: (event: StoredEvent) => readonly string[],
): CountedKey[] {
  return [...groupBy(events, keysOf)]
    .map(([key, some]) => ({ key, events: some.length }))
    .sort((a, b) => b.events - a.events || byBytes(a.key, b.key));
}

function typesOf(events: readonly StoredEvent[]): Record<string, number> {
  return Object.fromEntries(countBy(events, (e) => [e.eventType]).map((type) => [type.key, type.events]));
}

export function summary(
  all: readonly StoredEvent[],
  { selection, topLimit }: SummaryQuestion,
  passes: Passes,
): SummaryAnswer {
  const events = selected(all, selection, passes);
  const { startUs, endUs } = selection;
  const before =
    startUs === undefined || endUs === undefined
      ? undefined
      : selected(all, { ...selection, startUs: 2 * startUs - endUs, endUs: startUs }, passes);
  return {
    totalEvents: events.length,
    uniqueUsers: measure({ kind: "unique_users" }, events),
    eventsByType: typesOf(events),
    topEvents: countBy(events, (e) => [e.name])
      .slice(0, topLimit)
      .map(({ key, events: count }) => {
        const named = (event: StoredEvent) => event.name === key;
        const users = measure({ kind: "unique_users" }, events.filter(named));
        return {
          name: key,
          events: count,
          users,
          ...(before ? { eventsBefore: before.filter(named).length } : {}),
        };
      }),
    ...bounds(events),
  };
}

/** Groups by rank, each with its values, and what is left over. */
function ranked(
  events: readonly StoredEvent[],
  metric: Metric,
  dimensions: readonly Dimension[],
  limit: number,
) {
  const key = (event: StoredEvent) =>
    JSON.stringify(dimensions.map((dimension) => dimensionOf(event, dimension)));
  const groups = [...groupBy(events, (event) => [key(event)])]
    .map(([text, some]) => ({
      values: JSON.parse(text) as string[],
      events: some,
      metric: measure(metric, some),
    }))
    .sort((a, b) => {
      const bytes =
        a.values.map((value, i) => byBytes(value, b.values[i]!)).find((order) => order !== 0) ?? 0;
      return b.metric - a.metric || bytes;
    });
  return { top: groups.slice(0, limit), other: groups.slice(limit).flatMap((group) => group.events) };
}

export function series(all: readonly StoredEvent[], question: SeriesQuestion, passes: Passes): SeriesAnswer {
  const { selection, metric, starts, endUs, groupBy: dimensions, groupLimit } = question;
  const events = selected(all, selection, passes).filter(
    (event) => event.timestampUs >= starts[0]! && event.timestampUs < endUs,
  );
  const group = (values: string[], some: readonly StoredEvent[]) => ({
    values,
    total: measure(metric, some),
    buckets: Float64Array.from(starts, (start, i) => {
      const end = starts[i + 1] ?? endUs;
      return measure(
        metric,
        some.filter((event) => event.timestampUs >= start && event.timestampUs < end),
      );
    }),
  });
  if (dimensions.length === 0) return { groups: [group([], events)] };
  const { top, other } = ranked(events, metric, dimensions, groupLimit);
  return {
    groups: top.map(({ values, events: some }) => group(values, some)),
    ...(other.length === 0 ? {} : { other: group([], other) }),
  };
}

export function breakdown(
  all: readonly StoredEvent[],
  question: BreakdownQuestion,
  passes: Passes,
): BreakdownAnswer {
  const { selection, metric, dimension, limit } = question;
  const events = selected(all, selection, passes);
  const { top, other } = ranked(events, metric, [dimension], limit);
  return {
    rows: top.map((group) => ({ value: group.values[0]!, metric: group.metric })),
    ...(other.length === 0 ? {} : { other: measure(metric, other) }),
    total: measure(metric, events),
  };
}

function newestFirst(a: StoredEvent, b: StoredEvent): number {
  return (
    b.timestampUs - a.timestampUs ||
    byBytes(b.id, a.id) ||
    byBytes(b.userId, a.userId) ||
    b.partition - a.partition ||
    b.offset - a.offset
  );
}

export function events(all: readonly StoredEvent[], question: EventsQuestion, passes: Passes): StoredEvent[] {
  const { selection, userId } = question;
  return selected(all, selection, passes)
    .filter((event) => userId === undefined || event.userId === userId)
    .sort(newestFirst);
}

export function user(
  all: readonly StoredEvent[],
  { selection, userId, topLimit }: UserQuestion,
  passes: Passes,
): UserAnswer {
  const mine = selected(all, selection, passes).filter((event) => event.userId === userId);
  const last = new Map<string, string>();
  for (const event of mine.toSorted(newestFirst).reverse()) {
    for (const [key, value] of Object.entries(event.properties)) last.set(key, value);
  }
  const keys = [...last.keys()].sort(byBytes);
  return {
    events: mine.length,
    eventsByType: typesOf(mine),
    eventsByName: countBy(mine, (event) => [event.name])
      .slice(0, topLimit)
      .map(({ key, events: count }) => ({ name: key, events: count })),
    ...bounds(mine),
    properties: Object.fromEntries(keys.slice(0, 100).map((key) => [key, last.get(key)!])),
    propertiesTruncated: keys.length > 100,
  };
}

export function dimensions(
  all: readonly StoredEvent[],
  { selection, limit }: DimensionsQuestion,
  passes: Passes,
): DimensionsAnswer {
  const chosen = selected(all, selection, passes);
  const [names, properties, measures] = [
    countBy(chosen, (event) => [event.name]),
    countBy(chosen, (event) => Object.keys(event.properties)),
    countBy(chosen, (event) => Object.keys(event.measures)),
  ];
  return {
    names: names.slice(0, limit),
    properties: properties.slice(0, limit),
    measures: measures.slice(0, limit),
    totalNames: names.length,
    totalProperties: properties.length,
    totalMeasures: measures.length,
  };
}
