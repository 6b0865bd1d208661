import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBudget } from "../../src/live/budget.ts";
import { createIdentities } from "../../src/live/identities.ts";

const keepMs = 1000;

function createFixture(maxIdentities = 1000, bytes = 2 ** 20) {
  const budget = createBudget(bytes);
  const identities = createIdentities({ keepMs, maxIdentities, budget });
  return { budget, identities, isNew: (id: string, atMs: number) => identities.isNew("ann", id, atMs, atMs) };
}

describe("identities that a window remembers", () => {
  it("count once within the time, from the copy that counted, whatever comes between", () => {
    const steps = fc.array(
      fc.record({ id: fc.constantFrom("a", "b", "c"), afterMs: fc.integer({ min: 0, max: 700 }) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const { isNew } = createFixture();
        const counted: { id: string; atMs: number }[] = [];
        let nowMs = 0;
        for (const { id, afterMs } of all) {
          nowMs += afterMs;
          const expected = !counted.some((one) => one.id === id && nowMs - one.atMs < keepMs);
          expect(isNew(id, nowMs)).toBe(expected);
          if (expected) counted.push({ id, atMs: nowMs });
        }
      }),
    );
  });

  it("tell users apart, whose ids may be written into one another", () => {
    const { identities } = createFixture();
    expect(identities.isNew("a", "bc", 0, 0)).toBe(true);
    expect(identities.isNew("ab", "c", 0, 0)).toBe(true);
    expect(identities.isNew("1:a", "bc", 0, 0)).toBe(true);
    expect(identities.isNew("a", "bc", 0, 0)).toBe(false);
  });

  it("are bounded, and say so until what was not remembered is old", () => {
    const { identities, isNew } = createFixture(2);
    for (const id of ["a", "b"]) expect(isNew(id, 0)).toBe(true);
    expect(identities.incomplete(0)).toBe(false);
    expect(isNew("c", 10)).toBe(true);
    expect(isNew("c", 20)).toBe(true);
    expect(identities.incomplete(1019)).toBe(true);
    expect(identities.incomplete(1020)).toBe(false);
    // The first two are forgotten by now, and there is room again.
    expect(isNew("d", 1100)).toBe(true);
    expect(isNew("d", 1101)).toBe(false);
  });

  it("are not complete while events before are missing, and give their memory back", () => {
    const { budget, identities, isNew } = createFixture();
    identities.missing(500);
    expect(identities.incomplete(1499)).toBe(true);
    expect(identities.incomplete(1500)).toBe(false);
    isNew("a", 0);
    expect(budget.left).toBeLessThan(2 ** 20);
    identities.release();
    expect(budget.left).toBe(2 ** 20);
  });
});
