import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import { zoneOf } from "../../src/domain/zone.ts";
import { bucketsOf } from "../../src/query/buckets.ts";

const us = (iso: string) => Date.parse(iso) * 1000;
const iso = (at: number) => new Date(at / 1000).toISOString().replace(".000Z", "Z");
const { MINUTE, HOUR, DAY, WEEK, MONTH } = Granularity;

describe("the buckets of a range", () => {
  test.each([
    [
      WEEK,
      "UTC",
      "2024-01-03T10:00:00Z",
      "2024-01-08T00:00:00.001Z",
      ["2024-01-01", "2024-01-08"],
      "2024-01-15",
    ],
    [
      MONTH,
      "UTC",
      "2023-12-31T23:59:59Z",
      "2024-02-01T00:00:00Z",
      ["2023-12-01", "2024-01-01"],
      "2024-02-01",
    ],
    [DAY, "UTC", "2024-02-28T12:00:00Z", "2024-03-01T00:00:00Z", ["2024-02-28", "2024-02-29"], "2024-03-01"],
    // A day of 23 hours and one of 25.
    [
      DAY,
      "Europe/Berlin",
      "2024-03-30T12:00:00Z",
      "2024-04-01T12:00:00Z",
      ["2024-03-29T23:00:00Z", "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"],
      "2024-04-01T22:00:00Z",
    ],
    [
      DAY,
      "Europe/Berlin",
      "2024-10-26T22:00:00Z",
      "2024-10-27T23:00:00Z",
      ["2024-10-26T22:00:00Z"],
      "2024-10-27T23:00:00Z",
    ],
    // Midnight does not exist: the day begins at 01:00 local time.
    [
      DAY,
      "America/Santiago",
      "2024-09-07T12:00:00Z",
      "2024-09-08T12:00:00Z",
      ["2024-09-07T04:00:00Z", "2024-09-08T04:00:00Z"],
      "2024-09-09T03:00:00Z",
    ],
    // A whole day does not exist: 2011-12-30 in Samoa.
    [
      DAY,
      "Pacific/Apia",
      "2011-12-29T12:00:00Z",
      "2011-12-31T12:00:00Z",
      ["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"],
      "2012-01-01T10:00:00Z",
    ],
    // The hour that is repeated in autumn is two.
    [
      HOUR,
      "Europe/Berlin",
      "2024-10-27T00:00:00Z",
      "2024-10-27T02:00:00Z",
      ["2024-10-27T00:00:00Z", "2024-10-27T01:00:00Z"],
      "2024-10-27T02:00:00Z",
    ],
    // An offset of half an hour, and a change of half an hour that starts a bucket of its own.
    [
      HOUR,
      "Australia/Lord_Howe",
      "2024-04-06T14:00:00Z",
      "2024-04-06T16:00:00Z",
      ["2024-04-06T14:00:00Z", "2024-04-06T15:00:00Z", "2024-04-06T15:30:00Z"],
      "2024-04-06T16:30:00Z",
    ],
  ] as [Granularity, string, string, string, string[], string][])(
    "granularity %d in %s from %s to %s",
    (granularity, zone, start, end, starts, last) => {
      const found = bucketsOf(granularity, zoneOf(zone)!, us(start), us(end));
      expect({ starts: found.starts.map(iso), end: iso(found.endUs) }).toEqual({
        starts: starts.map(us).map(iso),
        end: iso(us(last)),
      });
    },
  );

  test("are none for an empty range", () => {
    expect(bucketsOf(DAY, zoneOf("UTC")!, 5, 5).starts).toEqual([]);
  });

  test("are 10,000 at most", () => {
    const minutes = (n: number) => n * 60_000_000;
    expect(bucketsOf(MINUTE, zoneOf("UTC")!, 0, minutes(10_000)).starts).toHaveLength(10_000);
    expect(() => bucketsOf(MINUTE, zoneOf("UTC")!, 0, minutes(10_000) + 1)).toThrow(/10001 buckets/);
    expect(() => bucketsOf(MINUTE, zoneOf("UTC")!, 0, Number.MAX_SAFE_INTEGER)).toThrow(/buckets/);
  });

  test("hold the range, follow each other, and change exactly where the local clock says", () => {
    const zones = [
      "UTC",
      "Europe/Berlin",
      "America/New_York",
      "Asia/Kolkata",
      "Australia/Lord_Howe",
      "America/St_Johns",
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(HOUR, DAY, WEEK, MONTH),
        fc.integer({ min: us("1990-01-01T00:00:00Z") / 1e6, max: us("2030-01-01T00:00:00Z") / 1e6 }),
        fc.integer({ min: 1, max: 500 * 3600 }),
        (zone, unit, startSeconds, seconds) => {
          const start = startSeconds * 1e6;
          const { starts, endUs } = bucketsOf(unit, zoneOf(zone)!, start, start + seconds * 1e6);
          expect(starts[0]!).toBeLessThanOrEqual(start);
          expect(starts[1] ?? endUs).toBeGreaterThan(start);
          expect(endUs).toBeGreaterThanOrEqual(start + seconds * 1e6);
          expect(starts.at(-1)!).toBeLessThan(start + seconds * 1e6);
          for (let i = 0; i < starts.length; i++) {
            const [from, to] = [starts[i]!, starts[i + 1] ?? endUs];
            // Named by the local clock at its first and its last microsecond, which Intl tells one at a time.
            expect(unitName(unit, zone, from)).toBe(unitName(unit, zone, to - 1));
            expect(unitName(unit, zone, to)).not.toBe(unitName(unit, zone, to - 1));
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** What unit an instant is in, told by Intl alone. */
function unitName(unit: Granularity, zone: string, at: number): string {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      timeZoneName: "longOffset",
    })
      .formatToParts(Math.floor(at / 1000))
      .map(({ type, value }) => [type, value]),
  );
  const day = Date.UTC(Number(parts.year), Number(parts.month) - 1, Number(parts.day)) / 86_400_000;
  if (unit === HOUR) return `${day} ${parts.hour} ${parts.timeZoneName}`;
  if (unit === DAY) return String(day);
  return unit === WEEK ? String(Math.floor((day + 3) / 7)) : `${parts.year}-${parts.month}`;
}

test.each(["", "Europe/Atlantis", "+01:00", "UTC+1"])("%j is no zone", (name) => {
  expect(zoneOf(name)).toBeUndefined();
});
