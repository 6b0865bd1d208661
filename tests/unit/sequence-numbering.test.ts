import fc from "fast-check";
import { expect, test } from "vitest";
import { Numbering } from "../../src/sequence/numbering.ts";

test("keys are numbered as a map would, one round after the other", () => {
  const key = fc.oneof(
    fc.integer({ min: 1, max: 40 }),
    fc.maxSafeInteger().map((n) => Math.abs(n) + 1),
  );
  fc.assert(
    fc.property(fc.array(fc.array(key, { maxLength: 60 }), { maxLength: 6 }), (rounds) => {
      const numbering = new Numbering();
      for (const keys of rounds) {
        numbering.clear();
        const map = new Map<number, number>();
        for (const one of keys) {
          const expected = map.get(one) ?? map.size;
          expect(numbering.numberOf(one, map.size)).toBe(expected);
          map.set(one, expected);
        }
      }
    }),
  );
});
