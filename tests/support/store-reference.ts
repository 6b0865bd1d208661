/** What the store must answer, by plain loops over plain events. */
import type {
  BreakdownAnswer,
  BreakdownQuestion,
  CountedKey,
  DimensionsAnswer,
  DimensionsQuestion,
  EventsQuestion,
  Selection,
  SeriesAnswer,
  SeriesQuestion,
  StoredEvent,
  SummaryAnswer,
  SummaryQuestion,
  UserAnswer,
  UserQuestion,
} from "../../src/store/questions.ts";
import { byBytes } from "../reference/events.ts";
import { measureOf, rankedGroups } from "../reference/metrics.ts";
import { sessionsOf } from "../reference/sessions-plain.ts";
import { money, userSessions } from "../reference/user-plain.ts";

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

function usersOf(events: readonly StoredEvent[]): number {
  return new Set(events.map((event) => event.userId)).size;
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

export function summary(
  all: readonly StoredEvent[],
  { selection, topLimit, sessionGapUs }: SummaryQuestion,
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
    uniqueUsers: usersOf(events),
    ...(sessionGapUs === undefined ? {} : { sessions: sessionsOf(events, sessionGapUs).length }),
    eventsByType: Object.fromEntries(
      countBy(events, (event) => [event.eventType]).map((type) => [type.key, type.events]),
    ),
    topEvents: countBy(events, (e) => [e.name])
      .slice(0, topLimit)
      .map(({ key, events: count }) => {
        const named = (event: StoredEvent) => event.name === key;
        const users = usersOf(events.filter(named));
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

export function series(all: readonly StoredEvent[], question: SeriesQuestion, passes: Passes): SeriesAnswer {
  const { selection, metric, starts, endUs, groupBy: dimensions, groupLimit } = question;
  const events = selected(all, selection, passes).filter(
    (event) => event.timestampUs >= starts[0]! && event.timestampUs < endUs,
  );
  const measure = measureOf(metric, events);
  const group = (values: readonly string[], some: readonly StoredEvent[]) => ({
    values,
    total: measure(some),
    buckets: Float64Array.from(starts, (start, i) => {
      const end = starts[i + 1] ?? endUs;
      return measure(some.filter((event) => event.timestampUs >= start && event.timestampUs < end));
    }),
  });
  if (dimensions.length === 0) return { groups: [group([], events)] };
  const { top, other } = rankedGroups(events, metric, dimensions, groupLimit);
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
  const measure = measureOf(metric, events);
  const { top, other } = rankedGroups(events, metric, [dimension], limit);
  return {
    rows: top.map((group) => ({ value: group.values[0]!, metric: measure(group.events) })),
    ...(other.length === 0 ? {} : { other: measure(other) }),
    total: measure(events),
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

export function user(all: readonly StoredEvent[], question: UserQuestion, passes: Passes): UserAnswer {
  const { selection, userId, topLimit } = question;
  const mine = selected(all, selection, passes).filter((event) => event.userId === userId);
  const last = new Map<string, string>();
  for (const event of mine.toSorted(newestFirst).reverse()) {
    for (const [key, value] of Object.entries(event.properties)) last.set(key, value);
  }
  const keys = [...last.keys()].sort(byBytes);
  return {
    events: mine.length,
    eventsByName: countBy(mine, (event) => [event.name])
      .slice(0, topLimit)
      .map(({ key, events: count }) => ({ name: key, events: count })),
    ...bounds(mine),
    properties: Object.fromEntries(keys.slice(0, 100).map((key) => [key, last.get(key)!])),
    ...userSessions(mine, question),
    activityUs: activity(mine),
    ...money(mine),
  };
}

/** First and last event of each quarter of a day. */
function activity(mine: readonly StoredEvent[]): number[] {
  const quarters = groupBy(mine, (event) => [Math.floor(event.timestampUs / 21_600e6)]);
  return [...quarters.values()]
    .flatMap((some) => {
      const times = some.map((event) => event.timestampUs);
      return [Math.min(...times), Math.max(...times)];
    })
    .sort((a, b) => a - b);
}

export function dimensions(
  all: readonly StoredEvent[],
  { selection, limit }: DimensionsQuestion,
  passes: Passes,
): DimensionsAnswer {
  const chosen = selected(all, selection, passes);
  return {
    names: countBy(chosen, (event) => [event.name]).slice(0, limit),
    properties: countBy(chosen, (event) => Object.keys(event.properties)).slice(0, limit),
    measures: countBy(chosen, (event) => Object.keys(event.measures)).slice(0, limit),
  };
}
