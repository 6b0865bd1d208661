import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RetentionTerms } from "../../src/store/questions.ts";
import * as reference from "../reference/retention.ts";
import { matcher, projectOf, type RandomProject, randomEvents, sequenceRuns } from "../support/sequences.ts";
import { patiently, type TemporaryStore, temporaryStore } from "../support/store.ts";

let temporary: TemporaryStore;
let projects: RandomProject;
beforeAll(async () => {
  temporary = await temporaryStore();
  projects = projectOf(temporary.store);
});
afterAll(() => temporary.remove());

const events = randomEvents({
  maxLength: 14,
  time: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 8 })),
  names: ["A", "B", "C", "X"],
});
const question = fc
  .record({
    start: matcher,
    returns: matcher,
    // Periods of uneven length, as those over a change of offset are.
    lengths: fc.array(fc.integer({ min: 2, max: 5 }), { minLength: 30, maxLength: 30 }),
    cohorts: fc.integer({ min: 1, max: 6 }),
    cut: fc.record({ start: fc.integer({ min: 0, max: 1 }), end: fc.integer({ min: 0, max: 1 }) }),
    periods: fc.integer({ min: 1, max: 4 }),
    counting: fc.constantFrom<RetentionTerms["counting"]>(
      { kind: "calendar" },
      { kind: "rolling", unitUs: 3 },
      { kind: "rolling", unitUs: 4 },
    ),
    returnRule: fc.constantFrom("on" as const, "on_or_after" as const),
  })
  .map(({ lengths, cut, ...rest }) => {
    const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 3));
    const range = { startUs: starts[0]! + cut.start, endUs: starts[rest.cohorts]! - cut.end };
    return { ...rest, range, starts };
  });

describe.each(["first_ever", "recurring"] as const)("%s retention over the store", (cohortEntry) => {
  test("agrees with every cell of every user looked up by itself", async () => {
    await fc.assert(
      fc.asyncProperty(events, question, async (all, { start, returns, range, starts, ...rest }) => {
        const terms: RetentionTerms = {
          ...rest,
          selection: { project: await projects.apply(all), ...range },
          start: start.match,
          returns: returns.match,
          periodStarts: starts.slice(0, rest.cohorts + rest.periods + 1),
        };
        const { cohorts } =
          cohortEntry === "recurring"
            ? await temporary.store.trace({ kind: "recurring_retention", ...terms }, patiently())
            : await temporary.store.ask({ kind: "first_ever_retention", ...terms }, patiently());
        const expected = reference.retention(all, {
          ...rest,
          ...range,
          cohortEntry,
          periodStarts: starts,
          start: start.predicate,
          returns: returns.predicate,
        });
        expect(cohorts).toEqual(expected);
      }),
      { numRuns: sequenceRuns },
    );
  });
});
