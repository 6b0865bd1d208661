/**
 * Summaries, series, breakdowns and users' figures on random event sets, as requests ask for them, against plain loops:
 * few users, ties, times at the bounds of ranges, gaps and days, days of 23 and 25 hours, missing properties. How many
 * sets is WEIR_RANDOM_SETS.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, it } from "vitest";
import { EventType } from "../../gen/analytics/v1/event_pb.js";
import type { Dimension, Metric, StoredEvent } from "../../src/store/questions.ts";
import * as reference from "../reference/aggregates.ts";
import type { Unit } from "../reference/calendar.ts";
import { expectNearly } from "../support/nearly.ts";
import { type AskService, askService } from "../support/query.ts";
import { createFeed, type TemporaryStore, temporaryStore, timestamp } from "../support/store.ts";

const sets = Number(process.env.WEIR_RANDOM_SETS ?? 300);
const minuteUs = 60e6;
const us = (iso: string) => Date.parse(iso) * 1000;

let temporary: TemporaryStore;
let ask: AskService;
const feed = createFeed();

beforeAll(async () => {
  temporary = await temporaryStore();
  ask = askService(temporary.store);
});
afterAll(() => temporary.remove());

/** Places where clocks change, or almost do. */
const changes = [
  ["Europe/Berlin", "2024-03-31T01:00:00Z"],
  ["Europe/Berlin", "2024-10-27T01:00:00Z"],
  ["America/New_York", "2013-03-10T07:00:00Z"],
  ["America/New_York", "2013-11-03T06:00:00Z"],
  ["Australia/Lord_Howe", "2024-04-06T15:00:00Z"],
  ["Australia/Lord_Howe", "2024-10-05T15:30:00Z"],
  // Midnight does not exist, and the hour before it comes twice.
  ["America/Santiago", "2024-09-08T04:00:00Z"],
  ["America/Santiago", "2024-04-07T03:00:00Z"],
  // A whole day does not exist.
  ["Pacific/Apia", "2011-12-30T10:00:00Z"],
  ["Asia/Kathmandu", "2024-02-29T18:15:00Z"],
  ["UTC", "2023-12-31T00:00:00Z"],
  ["America/St_Johns", "2024-12-31T03:30:00Z"],
] as const;

/** Instants around a change: quarters of an hour, so that gaps are often exactly 30 minutes, and a microsecond off. */
const distance = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: -8, max: 8 }) },
      { weight: 2, arbitrary: fc.integer({ min: -250, max: 250 }) },
    ),
    fc.constantFrom(0, 0, 0, 1, -1),
  )
  .map(([quarters, off]) => quarters * 15 * minuteUs + off);

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const some = (record: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));

const event = fc.record({
  userId: fc.constantFrom("a", "b", "\u{10000}"),
  sessionId: fc.constantFrom("", "", "s", "t"),
  name: fc.constantFrom("view", "buy", "\uffff"),
  eventType: fc.constantFrom(EventType.USER, EventType.TRANSACTION, EventType.CUSTOM),
  distance,
  properties: fc
    .record({
      plan: optional(fc.constantFrom("", "pro", "é")),
      "transaction.type": optional(fc.constantFrom("purchase", "subscription", "refund", "transfer")),
      "transaction.status": optional(fc.constantFrom("completed", "failed")),
      "transaction.currency": optional(fc.constantFrom("EUR", "USD")),
    })
    .map((all) => some(all) as Record<string, string>),
  measures: fc
    .record({
      "transaction.amount": optional(fc.integer({ min: 0, max: 40 }).map((quarters) => quarters / 4)),
      m: optional(fc.integer({ min: -12, max: 12 }).map((quarters) => quarters / 4)),
    })
    .map((all) => some(all) as Record<string, number>),
});
const types = ["", "user", "transaction", "system", "custom"];

const filters = [
  ["", () => true],
  ['name != "view"', (e: StoredEvent) => e.name !== "view"],
  ['properties.plan == ""', (e: StoredEvent) => (e.properties.plan ?? "") === ""],
  ["measures.m >= 0.0", (e: StoredEvent) => (e.measures.m ?? -1) >= 0],
] as const;

const functions = ["sum", "avg", "min", "max", "p50", "p90", "p95", "p99"] as const;
const metricText = fc.oneof(
  fc.constantFrom("", "events", "unique_users", "sessions", "sessions"),
  fc.tuple(fc.constantFrom(...functions), fc.constantFrom("m", "none")).map(([of, m]) => `${of}(${m})`),
);
const units = ["minute", "hour", "day", "week", "month"] as const;
const dimension = fc.constantFrom(
  "name",
  "user_id",
  "session_id",
  "event_type",
  "plan",
  "properties.plan",
  "none",
);

const question = fc.record({
  filter: fc.constantFrom(...filters),
  metric: metricText,
  unit: fc.constantFrom(...units),
  groupBy: fc.uniqueArray(dimension, {
    maxLength: 2,
    selector: (text) => text.replace("properties.", ""),
  }),
  dimension,
  limit: fc.constantFrom(0, 1, 2, 3),
  gapMinutes: optional(fc.constantFrom(15, 60)),
  start: optional(distance),
  end: optional(distance),
  userId: fc.constantFrom("a", "b", "\u{10000}"),
  zone: optional(fc.constantFrom("Asia/Kathmandu", "America/New_York", "")),
});

function metricOf(text: string, gapUs: number): Metric {
  const [, of, measure] = /^(\w+)(?:\((.*)\))?$/.exec(text || "events")!;
  if (measure === undefined) return of === "sessions" ? { kind: of, gapUs } : { kind: of as "events" };
  if (of!.startsWith("p")) return { kind: "quantile", p: Number(`0.${of!.slice(1)}`), measure };
  return { kind: of as "sum", measure };
}

function dimensionOf(text: string): Dimension {
  if (["name", "user_id", "session_id", "event_type"].includes(text)) {
    return { kind: "field", field: text as "name" };
  }
  return { kind: "property", key: text.replace("properties.", "") };
}

it(`answers ${sets} random event sets as plain loops do`, async () => {
  let set = 0;
  const property = fc.asyncProperty(
    fc.constantFrom(...changes),
    fc.array(event, { maxLength: 40, size: "max" }),
    question,
    async ([place, instant], drafts, asked) => {
      const project = `p${set++}`;
      const base = us(instant);
      const events = drafts.map(({ distance: off, ...rest }, i) => ({
        ...rest,
        // Often in another order than they come.
        id: `${9 - (i % 10)}-${i}`,
        timestampUs: base + off,
      }));
      const { blocks, places } = feed.blocks(
        events.map(({ timestampUs, ...rest }) => ({
          project,
          event: { ...rest, timestamp: timestamp(timestampUs) },
        })),
      );
      await temporary.store.apply(blocks);
      const all = events.map((e, i) => ({
        ...e,
        source: "",
        receivedUs: 0,
        eventType: types[e.eventType]!,
        ...places[i]!,
      }));

      const zone = asked.zone ?? place;
      const [startUs, endUs] = [asked.start, asked.end]
        .map((off) => (off === undefined ? undefined : base + off))
        .sort((a, b) => (a === undefined || b === undefined ? 0 : a - b));
      const selected: reference.Selected = {
        ...(startUs === undefined ? {} : { startUs }),
        ...(endUs === undefined ? {} : { endUs }),
        passes: asked.filter[1],
      };
      const common = {
        filter: asked.filter[0],
        timeRange: {
          ...(startUs === undefined ? {} : { start: reference.rfc3339(startUs) }),
          ...(endUs === undefined ? {} : { end: reference.rfc3339(endUs) }),
        },
        ...(asked.gapMinutes === undefined ? {} : { sessionGap: `${asked.gapMinutes * 60}s` }),
      };
      const gapUs = (asked.gapMinutes ?? 30) * minuteUs;
      const metric = metricOf(asked.metric, gapUs);
      const limit = asked.limit || 10;
      // Minutes of days would be some thousand buckets for each set.
      const wide =
        (endUs ?? base + 250 * 15 * minuteUs) - (startUs ?? base - 250 * 15 * minuteUs) > 500 * minuteUs;
      const unit: Unit = asked.unit === "minute" && wide ? "hour" : asked.unit;

      const answers = await Promise.all([
        ask("getAnalyticsSummary", project, { ...common, limit: asked.limit, includeSessions: true }),
        ask("getTimeSeries", project, {
          ...common,
          metric: asked.metric,
          granularity: `GRANULARITY_${unit.toUpperCase()}`,
          timeZone: zone,
          groupBy: asked.groupBy,
          limit: asked.limit,
        }),
        ask("getBreakdown", project, {
          ...common,
          metric: asked.metric,
          dimension: asked.dimension,
          limit: asked.limit,
        }),
        ask("getUserAnalytics", project, {
          ...common,
          userId: asked.userId,
          timeZone: zone,
          limit: asked.limit,
        }).catch((error): JsonValue => ({ code: error.code })),
      ]);
      const figures = reference.userFigures(all, selected, {
        userId: asked.userId,
        zone: zone || "UTC",
        gapUs,
        limit,
      });
      const groupBy = asked.groupBy.map(dimensionOf);
      const series = { metric, unit, zone: zone || "UTC", groupBy, limit };
      const expected = [
        reference.summary(all, selected, limit, gapUs),
        reference.timeSeries(all, selected, series),
        reference.breakdown(all, selected, { metric, dimension: dimensionOf(asked.dimension), limit }),
        figures ?? { code: "NOT_FOUND" },
      ];
      const fields = new Set(["other", "total", "first_event_time", ...expected.flatMap(Object.keys)]);
      // What a request repeats of itself.
      for (const field of ["metric", "dimension", "granularity", "time_zone"]) fields.delete(field);
      const told = (all: readonly unknown[]) =>
        (all as Record<string, unknown>[]).map((one) =>
          Object.fromEntries([...fields].map((field) => [field, one[field] ?? null])),
        );
      expectNearly(told(answers), told(expected));
    },
  );
  await fc.assert(property, { numRuns: sets });
}, 3_600_000);
