import fc from "fast-check";
import { expect, test } from "vitest";
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import { bucketsOf } from "../../src/query/buckets.ts";

const us = (iso: string) => Date.parse(iso) * 1000;

test.each([
  [Granularity.WEEK, "2024-01-03T10:00:00Z", "2024-01-08T00:00:00.001Z", ["2024-01-01", "2024-01-08"]],
  [Granularity.MONTH, "2023-12-31T23:59:59Z", "2024-02-01T00:00:00Z", ["2023-12-01", "2024-01-01"]],
  [Granularity.DAY, "2024-02-28T12:00:00Z", "2024-03-01T00:00:00Z", ["2024-02-28", "2024-02-29"]],
  [Granularity.HOUR, "1970-01-01T00:30:00Z", "1970-01-01T01:00:00Z", ["1970-01-01T00:00:00Z"]],
])("granularity %d from %s to %s", (granularity, start, end, expected) => {
  expect(bucketsOf(granularity, us(start), us(end)).starts).toEqual(expected.map(us));
});

test("an empty range has no buckets", () => {
  expect(bucketsOf(Granularity.DAY, 5, 5).starts).toEqual([]);
});

test("10,000 buckets are answered, one more is not", () => {
  const minutes = (n: number) => n * 60_000_000;
  expect(bucketsOf(Granularity.MINUTE, 0, minutes(10_000)).starts).toHaveLength(10_000);
  expect(() => bucketsOf(Granularity.MINUTE, 0, minutes(10_000) + 1)).toThrow(/10001 buckets/);
});

test("buckets follow each other, hold the range, and begin where the calendar says", () => {
  const time = fc.integer({ min: 0, max: us("2030-01-01T00:00:00Z") });
  const granularity = fc.constantFrom(Granularity.DAY, Granularity.WEEK, Granularity.MONTH);
  fc.assert(
    fc.property(
      granularity,
      time,
      fc.integer({ min: 1, max: 86_400_000_000 * 400 }),
      (unit, start, length) => {
        const { starts, endUs } = bucketsOf(unit, start, start + length);
        expect(starts[0]!).toBeLessThanOrEqual(start);
        expect(starts[1] ?? endUs).toBeGreaterThan(start);
        expect(starts.at(-1)!).toBeLessThan(start + length);
        expect(endUs).toBeGreaterThanOrEqual(start + length);
        for (const at of [...starts, endUs]) {
          const date = new Date(at / 1000);
          expect(Number.isInteger(at / 86_400_000_000)).toBe(true);
          if (unit === Granularity.WEEK) expect(date.getUTCDay()).toBe(1);
          if (unit === Granularity.MONTH) expect(date.getUTCDate()).toBe(1);
        }
      },
    ),
  );
});
