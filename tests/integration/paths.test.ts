import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PathsQuestion } from "../../src/store/sequences.ts";
import * as reference from "../reference/paths.ts";
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
  maxLength: 24,
  time: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 3 })),
  names: ["B", "A", "\u{10000}", "\ufeffA"],
});
const question = fc.record({
  direction: fc.constantFrom("after" as const, "before" as const),
  anchor: fc.option(matcher, { nil: undefined }),
  scope: fc.oneof(fc.constant("user" as const), fc.record({ gapUs: fc.integer({ min: 0, max: 4 }) })),
  depth: fc.integer({ min: 1, max: 5 }),
  limit: fc.integer({ min: 1, max: 4 }),
  keepRepeats: fc.boolean(),
});
const range = fc.constantFrom({}, {}, { startUs: 2 }, { endUs: 6 }, { startUs: 1, endUs: 9 });

test("paths over the store agree with every session walked by itself", async () => {
  await fc.assert(
    fc.asyncProperty(events, question, range, async (all, { anchor, ...rest }, between) => {
      const asked: PathsQuestion = {
        kind: "paths",
        selection: { project: await projects.apply(all), ...between },
        ...(anchor ? { anchor: anchor.match } : {}),
        ...rest,
      };
      const { startUs = 0, endUs = Infinity } = between as { startUs?: number; endUs?: number };
      const inRange = all.filter(({ timestampUs }) => timestampUs >= startUs && timestampUs < endUs);
      const expected = reference.paths(inRange, { ...rest, ...(anchor ? { anchor: anchor.predicate } : {}) });
      expect(await temporary.store.trace(asked, patiently())).toEqual(expected);
    }),
    { numRuns: sequenceRuns },
  );
});
