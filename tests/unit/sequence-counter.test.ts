import fc from "fast-check";
import { expect, it } from "vitest";
import { Counter } from "../../src/sequence/counter.ts";

it("counts as a Map does, whatever the keys and however many", () => {
  const key = fc.oneof(
    fc.maxSafeNat(),
    fc.nat({ max: 300 }),
    fc.nat({ max: 9 }).map((n) => n * 2 ** 40),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat({ max: 3 })), { maxLength: 600, size: "max" }), (added) => {
      const counter = new Counter();
      const expected = new Map<number, number>();
      for (const [one, count] of added) {
        counter.add(one, count);
        expected.set(one, (expected.get(one) ?? 0) + count);
      }
      const counted = new Map<number, number>();
      counter.forEach((one, count) => {
        expect(counted.has(one)).toBe(false);
        counted.set(one, count);
      });
      expect(counted).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});
