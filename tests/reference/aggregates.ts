/** Answers of AnalyticsService about summaries, series, breakdowns and users, by plain loops over plain events. */
import type { Dimension, Metric, StoredEvent } from "../../src/store/questions.ts";
import { bucketsOf, countDates, countDatesBetween, type Unit } from "./calendar.ts";
import { byBytes } from "./events.ts";
import { isCountOrSum, measureOf, rankedGroups } from "./metrics.ts";
import { sessionsOf } from "./sessions-plain.ts";
import { money } from "./user-plain.ts";

/** Which events count. */
export interface Selected {
  /** Microseconds since 1970; absent: no bound. */
  readonly startUs?: number;
  readonly endUs?: number;
  readonly passes: (event: StoredEvent) => boolean;
}

export function select(all: readonly StoredEvent[], { startUs, endUs, passes }: Selected): StoredEvent[] {
  return all.filter((event) => {
    if (startUs !== undefined && event.timestampUs < startUs) return false;
    if (endUs !== undefined && event.timestampUs >= endUs) return false;
    return passes(event);
  });
}

/** Times as RFC 3339 with microseconds, as text of JSON has them. */
export function rfc3339(us: number): string {
  const fraction = us % 1_000_000;
  const seconds = new Date((us - fraction) / 1000).toISOString().slice(0, 19);
  if (fraction === 0) return `${seconds}Z`;
  const digits = String(fraction).padStart(6, "0");
  return `${seconds}.${digits.endsWith("000") ? digits.slice(0, 3) : digits}Z`;
}

const present = (key: string, value: number) => (Number.isNaN(value) ? {} : { [key]: value });

export function summary(all: readonly StoredEvent[], selected: Selected, limit: number, gapUs: number) {
  const events = select(all, selected);
  const { startUs, endUs } = selected;
  const before =
    startUs === undefined || endUs === undefined
      ? []
      : select(all, { ...selected, startUs: startUs - (endUs - startUs), endUs: startUs });
  const count = (some: readonly StoredEvent[], name: string) => some.filter((e) => e.name === name).length;
  const users = (some: readonly StoredEvent[]) => String(new Set(some.map((e) => e.userId)).size);
  const names = [...new Set(events.map((e) => e.name))].sort(
    (a, b) => count(events, b) - count(events, a) || byBytes(a, b),
  );
  const types = new Set(events.map((e) => e.eventType));
  const times = events.map((e) => e.timestampUs);
  return {
    total_events: String(events.length),
    unique_users: users(events),
    sessions: String(sessionsOf(events, gapUs).length),
    events_by_type: Object.fromEntries(
      [...types].map((type) => [type, String(events.filter((e) => e.eventType === type).length)]),
    ),
    top_events: names.slice(0, limit).map((name) => {
      const [now, then] = [count(events, name), count(before, name)];
      return {
        name,
        events: String(now),
        users: users(events.filter((e) => e.name === name)),
        ...(then > 0 ? { change: (now - then) / then } : {}),
      };
    }),
    ...(times.length === 0
      ? {}
      : {
          first_event_time: rfc3339(Math.min(...times)),
          last_event_time: rfc3339(Math.max(...times)),
        }),
  };
}

export interface SeriesAsked {
  readonly metric: Metric;
  readonly unit: Unit;
  readonly zone: string;
  readonly groupBy: readonly Dimension[];
  readonly limit: number;
}

export function timeSeries(all: readonly StoredEvent[], selected: Selected, asked: SeriesAsked) {
  const { metric, unit, zone, groupBy, limit } = asked;
  const events = select(all, selected);
  const measure = measureOf(metric, events);
  const times = events.map((e) => e.timestampUs);
  const closed = selected.startUs !== undefined && selected.endUs !== undefined;
  const buckets =
    times.length === 0 && !closed
      ? []
      : bucketsOf(
          unit,
          zone,
          selected.startUs ?? Math.min(...times),
          selected.endUs ?? Math.max(...times) + 1,
        );
  const group = (values: readonly string[], some: readonly StoredEvent[]) => ({
    dimension_values: values,
    ...present("total", measure(some)),
    buckets: buckets.map(({ startUs, endUs }) => {
      const inBucket = some.filter((e) => e.timestampUs >= startUs && e.timestampUs < endUs);
      const cut =
        (selected.startUs !== undefined && startUs < selected.startUs) ||
        (selected.endUs !== undefined && endUs > selected.endUs);
      return { start: rfc3339(startUs), partial: cut, ...present("value", measure(inBucket)) };
    }),
  });
  if (groupBy.length === 0) return { groups: [group([], events)] };
  const { top, other } = rankedGroups(events, metric, groupBy, limit);
  return {
    groups: top.map(({ values, events: some }) => group(values, some)),
    ...(other.length === 0 ? {} : { other: group([], other) }),
  };
}

export interface BreakdownAsked {
  readonly metric: Metric;
  readonly dimension: Dimension;
  readonly limit: number;
}

export function breakdown(all: readonly StoredEvent[], selected: Selected, asked: BreakdownAsked) {
  const { metric, dimension, limit } = asked;
  const events = select(all, selected);
  const measure = measureOf(metric, events);
  const total = measure(events);
  const row = (value: string, some: readonly StoredEvent[]) => ({
    dimension_value: value,
    ...present("value", measure(some)),
    ...(isCountOrSum(metric) && total > 0 ? { share: measure(some) / total } : {}),
  });
  const { top, other } = rankedGroups(events, metric, [dimension], limit);
  return {
    rows: top.map(({ values: [value], events: some }) => row(value!, some)),
    ...(other.length === 0 ? {} : { other: row("", other) }),
    ...present("total", total),
  };
}

export interface UserAsked {
  readonly userId: string;
  readonly zone: string;
  readonly gapUs: number;
  /** Sessions listed. */
  readonly limit: number;
}

/** Sessions and metrics; undefined where the user has no events. */
export function userFigures(all: readonly StoredEvent[], selected: Selected, asked: UserAsked) {
  const { userId, zone, gapUs, limit } = asked;
  const mine = select(all, selected).filter((e) => e.userId === userId);
  if (mine.length === 0) return undefined;
  const sessions = sessionsOf(mine, gapUs).map((events) => ({
    first: events[0],
    endUs: events.at(-1)!.timestampUs,
    count: events.length,
  }));
  sessions.sort((a, b) => b.first.timestampUs - a.first.timestampUs || byBytes(b.first.id, a.first.id));
  const seconds = sessions.map(({ first, endUs }) => (endUs - first.timestampUs) / 1e6);
  const times = mine.map((e) => e.timestampUs);
  const daysActive = countDates(zone, times);
  const { transactions, revenue } = money(mine);
  return {
    sessions: sessions.slice(0, limit).map(({ first, endUs, count }, i) => ({
      session_id: first.sessionId,
      start_time: rfc3339(first.timestampUs),
      end_time: rfc3339(endUs),
      events: String(count),
      length_seconds: seconds[i]!,
    })),
    metrics: {
      days_active: String(daysActive),
      sessions: String(sessions.length),
      average_session_seconds: seconds.reduce((sum, s) => sum + s, 0) / sessions.length,
      transactions: String(transactions),
      revenue: Object.fromEntries(revenue.map(({ currency, amount }) => [currency, amount])),
      engagement: daysActive / countDatesBetween(zone, Math.min(...times), Math.max(...times)),
    },
  };
}
