import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRetention } from "../../src/sequence/retention.ts";
import type { Event } from "../reference/events.ts";
import * as reference from "../reference/retention.ts";
import { answer, feed, named, numRuns, randomEvents } from "../support/sequences.ts";

const hourUs = 3_600_000_000;
const dayUs = 24 * hourUs;
const any = () => true;
const calendar = { kind: "calendar" } as const;

/** A machine counts recurring entries. */
function ask(events: readonly Event[], question: reference.Retention, chunk: number) {
  const { start, returns, periodStarts, cohortEntry: _, ...rest } = question;
  const starts = rest.counting.kind === "calendar" ? rest.cohorts + rest.periods + 1 : rest.cohorts + 1;
  const machine = createRetention({ ...rest, periodStarts: periodStarts.slice(0, starts) });
  return answer(machine, feed(events, chunk, { predicates: [start, returns], sparse: true })).cohorts;
}

/** What both answer, which is the same. */
function both(events: readonly Event[], question: reference.Retention) {
  const answered = ask(events, question, 2);
  expect(answered).toEqual(reference.retention(events, question));
  return answered;
}

/** Events of one user at instants, each a start and a return. */
const at = (...instants: readonly string[]): Event[] =>
  instants.map((instant, i) => ({
    userId: "u",
    id: `${i}`,
    timestampUs: Date.parse(instant) * 1000,
    name: "visit",
    sessionId: "",
    properties: {},
  }));

/** Retention from a Monday on. */
const from = (monday: string, unitUs: number, cohorts = 1): reference.Retention => {
  const startUs = Date.parse(monday) * 1000;
  return {
    start: any,
    returns: any,
    startUs,
    endUs: startUs + cohorts * unitUs,
    periodStarts: Array.from({ length: 20 }, (_, i) => startUs + i * unitUs),
    cohorts,
    periods: 5,
    cohortEntry: "recurring",
    counting: calendar,
    returnRule: "on",
  };
};
const days = from("2024-01-01T00:00:00Z", dayUs);
/** 2024-01-07T23:59 in Berlin is 22:59 UTC, and the week begins there at 23:00 UTC. */
const berlinWeeks = from("2023-12-31T23:00:00Z", 7 * dayUs);

describe("retention", () => {
  it.each([
    ["a return after midnight", days, at("2024-01-01T20:00Z", "2024-01-02T06:00Z"), [1], [0]],
    ["a return after a day and an hour", days, at("2024-01-01T20:00Z", "2024-01-02T21:00Z"), [1], [1]],
    ["a return in the next week", berlinWeeks, at("2024-01-07T22:59Z", "2024-01-07T23:01Z"), [1], [0]],
    [
      "a return on day 3, on or after",
      { ...days, returnRule: "on_or_after" },
      at("2024-01-01T20:00Z", "2024-01-04T21:00Z"),
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ],
    ["two events of the same instant", days, at("2024-01-01T20:00Z", "2024-01-01T20:00Z"), [0], [0]],
    ["no further event", days, at("2024-01-01T20:00Z"), [], []],
  ] as const)("counts %s", (_, question, events, calendarCells, rollingCells) => {
    const unitUs = question === berlinWeeks ? 7 * dayUs : dayUs;
    const cells = (counting: reference.Retention["counting"]) => {
      const [cohort] = both(events, { ...question, counting });
      expect(cohort!.size).toBe(1);
      return cohort!.retained.flatMap((count, cell) => (count > 0 ? [cell] : []));
    };
    expect(cells(calendar)).toEqual(calendarCells);
    expect(cells({ kind: "rolling", unitUs })).toEqual(rollingCells);
  });

  it("takes the first start event of each period inside the range", () => {
    const week = from("2024-01-01T00:00:00Z", dayUs, 3);
    const events = at("2023-12-31T23:59Z", "2024-01-01T10:00Z", "2024-01-03T10:00Z", "2024-01-04T10:00Z");
    const [first, second, third] = both(events, week);
    expect([first, second, third].map((cohort) => cohort!.size)).toEqual([1, 0, 1]);
    expect(first!.retained).toEqual([0, 0, 1, 1, 0, 0]);
    expect(third!.retained).toEqual([0, 1, 0, 0, 0, 0]);
  });

  it("tells each cohort's last start event", () => {
    const late = at("2024-01-01T20:00Z", "2024-01-01T22:00Z").map((event) => ({ ...event, userId: "v" }));
    const [cohort] = both([...at("2024-01-01T10:00Z"), ...late], days);
    expect(cohort!.lastStartUs).toBe(Date.parse("2024-01-01T20:00Z") * 1000);
  });

  it.each([
    { periods: 0 },
    { periods: 61 },
    { periods: 60 },
    { endUs: days.endUs + 1 },
    { startUs: days.startUs - 1 },
    { cohorts: 0 },
    { counting: { kind: "rolling", unitUs: 0 } },
  ] as const)("refuses %j", (part) => {
    expect(() => createRetention({ ...days, ...part })).toThrow(RangeError);
  });

  it("agrees with every cell looked up by itself", () => {
    const events = randomEvents({
      maxLength: 14,
      time: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 8 })),
      names: ["A", "B", "C"],
    });
    const predicate = fc.constantFrom(any, named("A"), named("A", "B"), named("C"));
    const questions = fc
      .record({
        start: predicate,
        returns: predicate,
        // Periods of uneven length, as those over a change of offset are.
        lengths: fc.array(fc.integer({ min: 2, max: 5 }), { minLength: 30, maxLength: 30 }),
        cohorts: fc.integer({ min: 1, max: 6 }),
        cut: fc.record({ start: fc.integer({ min: 0, max: 1 }), end: fc.integer({ min: 0, max: 1 }) }),
        periods: fc.integer({ min: 1, max: 4 }),
        cohortEntry: fc.constant("recurring" as const),
        counting: fc.constantFrom<reference.Retention["counting"]>(
          calendar,
          { kind: "rolling", unitUs: 3 },
          { kind: "rolling", unitUs: 4 },
        ),
        returnRule: fc.constantFrom("on", "on_or_after"),
      })
      .map(({ lengths, cut, ...rest }): reference.Retention => {
        const periodStarts = lengths.map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 3));
        const startUs = periodStarts[0]! + cut.start;
        return { ...rest, periodStarts, startUs, endUs: periodStarts[rest.cohorts]! - cut.end };
      });
    fc.assert(
      fc.property(events, questions, fc.integer({ min: 1, max: 8 }), (all, question, size) => {
        expect(ask(all, question, size)).toEqual(reference.retention(all, question));
      }),
      { numRuns },
    );
  });
});
