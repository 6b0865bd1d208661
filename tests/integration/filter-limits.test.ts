import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compilePredicate } from "../../src/filter/evaluate.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { createFilterStore, type FilterStore } from "../support/filter-store.ts";
import { filterEvent } from "../support/filters.ts";

const event = filterEvent({ measures: { a: 1 }, properties: { a: "x" } });
const levels = 45;

/** The largest expressions of several shapes that the parser takes. */
const large = {
  "a long row of &&": Array.from({ length: 1000 }, () => "id != ''").join("&&"),
  "a long list": `name in [${Array.from({ length: 2400 }, (_, i) => i % 10).map((i) => `"${i}"`)}]`,
  "deep arithmetic": `${"(1 / ".repeat(levels)}measures.a${")".repeat(levels)} == 1`,
  "long arithmetic": `measures.a${" + measures.a".repeat(levels)} > 1`,
  "deep ternaries": `${'(properties.a == "y" ? 1 : '.repeat(levels)}2${")".repeat(levels)} > 1`,
  "ternaries in conditions": `${"(".repeat(levels / 2)}true${" ? 1 : 2) > 1".repeat(levels / 2)} || true`,
  "deep negations": `${"!(".repeat(levels)}true${")".repeat(levels)} || true`,
  "and within or": `${"(true || (false && ".repeat(levels / 2)}true${"))".repeat(levels / 2)}`,
};

let store: FilterStore;

beforeAll(async () => {
  store = await createFilterStore();
});
afterAll(() => store.close());

describe("the largest filters that the parser takes", () => {
  it.each(Object.entries(large))("run in the store: %s", async (_, source) => {
    const filter = parseFilter(source);
    await store.fill([event]);
    expect(await store.ask(filter)).toEqual([Number(compilePredicate(filter)(event))]);
  });
});
