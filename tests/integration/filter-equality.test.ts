import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { compilePredicate } from "../../src/filter/evaluate.ts";
import { type Filter, mapFields } from "../../src/filter/filter.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { createFilterStore, type FilterStore } from "../support/filter-store.ts";
import { filterVectors } from "../support/filter-vectors.ts";
import { anyEvent, anyFilter, filterEvent } from "../support/filters.ts";

/** The first keeps every key in a map, the second most of them in columns. */
let stores: FilterStore[];
/** How many batches of events and expressions are compared. */
const runs = Number(process.env.WEIR_FILTER_RUNS ?? 150);

beforeAll(async () => {
  const keys = ["a", "b", "user.country", "__proto__", ""].flatMap((key) =>
    mapFields.map((map) => ({ map, key })),
  );
  stores = [await createFilterStore(), await createFilterStore(keys)];
});
afterAll(async () => {
  for (const store of stores) await store.close();
});

/** Only a pattern may be refused: everything else that the generator makes is well typed. */
function parsed(source: string): Filter | undefined {
  try {
    return parseFilter(source);
  } catch (error) {
    if (error instanceof WeirError && error.message.includes("the pattern is no RE2")) return undefined;
    throw error;
  }
}

describe("a filter means the same in process and in the store", () => {
  it.each(filterVectors)("$why: $filter", async ({ filter, event, passes }) => {
    for (const store of stores) {
      await store.fill([filterEvent(event)]);
      expect(await store.ask(parseFilter(filter))).toEqual([Number(passes)]);
    }
  });

  it("for random expressions over random events", async () => {
    let compared = 0;
    const events = fc.array(anyEvent, { minLength: 1, maxLength: 40, size: "max" });
    const sources = fc.array(anyFilter, { minLength: 1, maxLength: 12, size: "max" });
    await fc.assert(
      fc.asyncProperty(events, sources, async (batch, expressions) => {
        for (const store of stores) await store.fill(batch);
        for (const filter of expressions.map(parsed)) {
          if (!filter) continue;
          const answers = batch.map(compilePredicate(filter)).map(Number);
          for (const store of stores) expect(await store.ask(filter), filter.text).toEqual(answers);
          compared += answers.length;
        }
      }),
      { numRuns: runs },
    );
    // Some 70 a run in the middle, by a throw that may be small.
    expect(compared).toBeGreaterThan(runs);
  });
});
