import { describe, expect, it } from "vitest";
import { compilePredicate } from "../../src/filter/evaluate.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { filterVectors } from "../support/filter-vectors.ts";
import { filterEvent } from "../support/filters.ts";

describe("compilePredicate", () => {
  it.each(filterVectors)("$why: $filter", ({ filter, event, passes }) => {
    expect(compilePredicate(parseFilter(filter))(filterEvent(event))).toBe(passes);
  });

  it("works on a filter that came from another thread", () => {
    const filter = structuredClone(parseFilter('properties.plan in ["pro"] && measures.amount > 10'));
    const passes = compilePredicate(filter);
    expect(passes(filterEvent({ properties: { plan: "pro" }, measures: { amount: 11 } }))).toBe(true);
    expect(passes(filterEvent({ properties: { plan: "pro" }, measures: { amount: 10 } }))).toBe(false);
  });
});
