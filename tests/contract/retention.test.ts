import { describe, expect, test } from "vitest";
import {
  type GetRetentionResponse,
  RetentionCohortEntry,
  RetentionCounting,
  RetentionPeriod,
  RetentionReturn,
} from "../../gen/analytics/v1/analytics_retention_pb.js";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { useServer } from "../support/served.ts";
import { timestamp } from "../support/store.ts";

const served = useServer();

const at = (instant: string) => timestamp(Date.parse(instant) * 1000);
const { CALENDAR, ROLLING } = RetentionCounting;
const { FIRST_EVER, RECURRING } = RetentionCohortEntry;
const { DAY, WEEK, MONTH } = RetentionPeriod;

/** Sends visits of users, all marked by `source`. */
async function send(source: string, visits: Record<string, readonly string[]>, name = "visit") {
  const events = Object.entries(visits).flatMap(([userId, instants]) =>
    instants.map((instant, i) => ({
      id: `${source}-${name}-${i}`,
      userId,
      name,
      source,
      timestamp: at(instant),
    })),
  );
  const sent = await served.client.ingestion.ingestEvents({
    events,
    options: { durability: Durability.APPLIED },
  });
  expect(sent.acceptedCount).toBe(events.length);
}

const sizes = ({ cohorts }: GetRetentionResponse) => cohorts.map(({ size }) => Number(size));
const retained = ({ cohorts }: GetRetentionResponse) =>
  cohorts.map(({ cells }) => cells.map((cell) => Number(cell.retained)));

interface Vector {
  readonly case: string;
  readonly events: readonly string[];
  readonly period?: RetentionPeriod;
  readonly timeZone?: string;
  readonly returnRule?: RetentionReturn;
  /** Cells in which the user is retained. */
  readonly calendar: readonly number[];
  readonly rolling: readonly number[];
}

/** 2024-01-01 was a Monday. */
const vectors: readonly Vector[] = [
  {
    case: "start Mon 20:00, return Tue 06:00, days",
    events: ["2024-01-01T20:00Z", "2024-01-02T06:00Z"],
    calendar: [1],
    rolling: [0],
  },
  {
    case: "start Mon 20:00, return Tue 21:00, days",
    events: ["2024-01-01T20:00Z", "2024-01-02T21:00Z"],
    calendar: [1],
    rolling: [1],
  },
  {
    case: "start Sun 23:59 Europe/Berlin, return Mon 00:01, weeks",
    events: ["2024-01-07T23:59+01:00", "2024-01-08T00:01+01:00"],
    period: WEEK,
    timeZone: "Europe/Berlin",
    calendar: [1],
    rolling: [0],
  },
  {
    case: "return only on day 3, ON_OR_AFTER",
    events: ["2024-01-01T20:00Z", "2024-01-04T21:00Z"],
    returnRule: RetentionReturn.ON_OR_AFTER,
    calendar: [0, 1, 2, 3],
    rolling: [0, 1, 2, 3],
  },
  {
    case: "two events of the same instant",
    events: ["2024-01-01T20:00Z", "2024-01-01T20:00Z"],
    calendar: [0],
    rolling: [0],
  },
];

describe("retention", () => {
  test.each(
    vectors.flatMap((vector, i) => [FIRST_EVER, RECURRING].map((entry) => ({ ...vector, i, entry }))),
  )(
    "is as defined, $entry: $case",
    async ({ i, events, entry, calendar, rolling, period = DAY, timeZone = "", returnRule = 0 }) => {
      const source = `vector-${i}-${entry}`;
      await send(source, { u: events });
      const first = Date.parse(events[0]!);
      for (const [counting, expected] of [[CALENDAR, calendar] as const, [ROLLING, rolling] as const]) {
        const answer = await served.client.analytics.getRetention({
          filter: `source == "${source}"`,
          timeRange: { start: timestamp(first * 1000), end: timestamp(first * 1000 + 1) },
          cohortEntry: entry,
          counting,
          period,
          timeZone,
          returnRule,
        });
        expect(sizes(answer)).toEqual([1]);
        const [cells] = retained(answer);
        expect(cells!.flatMap((count, cell) => (count > 0 ? [cell] : []))).toEqual(expected);
        expect(cells).toHaveLength(9);
      }
    },
  );

  test("has a row for every period of the range, and rates of the cohorts that are not empty", async () => {
    await send("grid", {
      a: ["2024-03-30T12:00Z", "2024-03-31T12:00Z", "2024-04-02T12:00Z"],
      b: ["2024-03-30T13:00Z"],
      c: ["2024-04-01T23:30+02:00", "2024-04-02T00:30+02:00"],
    });
    const question = { filter: 'source == "grid"', timeZone: "Europe/Berlin", periods: 3 };
    const first = await served.client.analytics.getRetention(question);
    // Four days, the second of which has 23 hours.
    expect(first.cohorts.map(({ start }) => Number(start!.seconds))).toEqual(
      [
        "2024-03-30T00:00+01:00",
        "2024-03-31T00:00+01:00",
        "2024-04-01T00:00+02:00",
        "2024-04-02T00:00+02:00",
      ].map((start) => Date.parse(start) / 1000),
    );
    expect(sizes(first)).toEqual([2, 0, 1, 0]);
    expect(retained(first)).toEqual([
      [0, 1, 0, 1],
      [0, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(first.cohorts[0]!.cells.map(({ rate }) => rate)).toEqual([0, 0.5, 0, 0.5]);
    expect(first.cohorts[1]!.cells.map(({ rate }) => rate)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(first.cohorts.map(({ partial }) => partial)).toEqual([false, false, false, false]);
    const recurring = await served.client.analytics.getRetention({ ...question, cohortEntry: RECURRING });
    expect(sizes(recurring)).toEqual([2, 1, 1, 2]);
    expect(retained(recurring)).toEqual([
      [0, 1, 0, 1],
      [0, 0, 1, 0],
      [0, 1, 0, 0],
      [0, 0, 0, 0],
    ]);
  });

  test("tells start events from returns, and looks beyond the range for both", async () => {
    await send("two", { a: ["2024-01-01T10:00Z"], b: ["2023-12-31T10:00Z", "2024-01-01T10:00Z"] }, "sign_up");
    await send(
      "two",
      { a: ["2024-02-20T10:00Z"], b: ["2024-02-20T10:00Z"], c: ["2024-01-01T10:00Z"] },
      "buy",
    );
    const question = {
      filter: 'source == "two"',
      timeRange: { start: at("2024-01-01T00:00Z"), end: at("2024-01-02T12:00Z") },
      startEvent: { name: "sign_up" },
      returnEvent: { filter: 'name == "buy"' },
      period: MONTH,
      periods: 2,
    };
    const first = await served.client.analytics.getRetention(question);
    expect(sizes(first)).toEqual([1]);
    expect(retained(first)).toEqual([[0, 1, 0]]);
    expect(first.cohorts[0]!.partial).toBe(true);
    const recurring = await served.client.analytics.getRetention({ ...question, cohortEntry: RECURRING });
    expect(sizes(recurring)).toEqual([2]);
    expect(retained(recurring)).toEqual([[0, 2, 0]]);
  });

  test("marks the cells whose period has not ended, with ROLLING for the cohort's last user", async () => {
    const hour = 3_600_000;
    const now = Date.now();
    const instant = (ms: number) => new Date(ms).toISOString();
    await send("now", { a: [instant(now - 26 * hour)], b: [instant(now - 25 * hour)] });
    const question = { filter: 'source == "now"', periods: 3, cohortEntry: RECURRING };
    const rolling = await served.client.analytics.getRetention({ ...question, counting: ROLLING });
    const last = rolling.cohorts.find(({ size }) => size > 0n)!;
    expect(last.cells.map(({ incomplete }) => incomplete)).toEqual([false, true, true, true]);
    const calendar = await served.client.analytics.getRetention({
      ...question,
      timeRange: { start: timestamp((now - 26 * hour) * 1000), end: timestamp((now - 24 * hour) * 1000) },
    });
    for (const { start, cells } of calendar.cohorts) {
      const ends = cells.map((_, cell) => (Number(start!.seconds) + (cell + 1) * 86_400) * 1000);
      expect(cells.map(({ incomplete }) => incomplete)).toEqual(ends.map((end) => end > now));
    }
  });

  test("of no events is an empty grid", async () => {
    expect(await served.client.analytics.getRetention({ filter: 'source == "nothing"' })).toMatchObject({
      cohorts: [],
    });
  });
});
