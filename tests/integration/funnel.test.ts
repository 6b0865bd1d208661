import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FunnelQuestion } from "../../src/store/sequences.ts";
import * as reference from "../reference/funnel.ts";
import { readFlights, withoutFlights } from "../support/flights.ts";
import { matcher, projectOf, type RandomProject, randomEvents, sequenceRuns } from "../support/sequences.ts";
import { patiently, type TemporaryStore, temporaryStore } from "../support/store.ts";

let temporary: TemporaryStore;
let projects: RandomProject;
beforeAll(async () => {
  temporary = await temporaryStore();
  projects = projectOf(temporary.store);
});
afterAll(() => temporary.remove());

const question = fc.array(matcher, { minLength: 2, maxLength: 5 }).chain((steps) =>
  fc.record({
    steps: fc.constant(steps),
    windowUs: fc.integer({ min: 1, max: 9 }),
    order: fc.constantFrom("ordered" as const, "strict" as const, "any_order" as const),
    entry: fc.constantFrom("every" as const, "first" as const),
    excluded: fc.array(matcher, { maxLength: 2 }),
    range: fc.constantFrom({}, {}, { startUs: 2 }, { endUs: 6 }, { startUs: 2, endUs: 9 }),
    limit: fc.integer({ min: 1, max: 3 }),
  }),
);
const events = fc.oneof(
  randomEvents({ maxLength: 12, time: fc.integer({ min: 0, max: 12 }), names: ["A", "B", "C", "X"] }),
  randomEvents({ maxLength: 14, time: fc.integer({ min: 0, max: 3 }), names: ["A", "B", "C"] }),
);

describe("a funnel over the store", () => {
  test("agrees with every attempt tried by itself", async () => {
    await fc.assert(
      fc.asyncProperty(events, question, async (all, { steps, excluded, range, limit, ...rest }) => {
        const project = await projects.apply(all);
        const asked: FunnelQuestion = {
          kind: "funnel",
          selection: { project, ...range },
          steps: steps.map(({ match }) => match),
          exclusions: excluded.map(({ match }) => ({ event: match })),
          breakdown: { kind: "property", key: "plan" },
          groupLimit: limit,
          ...rest,
        };
        const answer = await temporary.store.trace(asked, patiently());
        const expected = reference.funnel(all, {
          ...rest,
          ...range,
          steps: steps.map(({ predicate }) => predicate),
          exclusions: excluded.map(({ predicate }) => ({ excludes: predicate })),
          breakdown: (event) => event.properties.plan ?? "",
          limit,
        });
        const { other, ...whole } = answer;
        expect({ ...whole, ...(other ? { other: { steps: other } } : {}) }).toEqual(expected);
      }),
      { numRuns: sequenceRuns },
    );
  });

  test.skipIf(withoutFlights())(
    "counts the aircraft of January that are scheduled, depart and arrive",
    async () => {
      const flights = readFlights();
      const project = await projects.apply(
        flights.map((flight) => ({
          id: flight.id,
          userId: flight.user_id,
          name: flight.name,
          timestampUs: Date.parse(flight.timestamp) * 1000,
          sessionId: "",
          properties: {},
        })),
      );
      const names = ["flight_scheduled", "flight_departed", "flight_arrived"];
      const windowUs = 24 * 3600e6;
      const answer = await temporary.store.trace(
        {
          kind: "funnel",
          selection: { project },
          steps: names.map((name) => ({ name })),
          exclusions: [],
          windowUs,
          order: "ordered",
          entry: "every",
          groupLimit: 10,
        },
        patiently(),
      );
      // An aircraft reaches a step if any of its scheduled flights is followed, in time, by the others: plain loops.
      const times = new Map<string, number[][]>();
      for (const flight of flights) {
        const at = names.indexOf(flight.name);
        if (at < 0) continue;
        const own = times.get(flight.user_id) ?? names.map(() => []);
        own[at]!.push(Date.parse(flight.timestamp) * 1000);
        times.set(flight.user_id, own);
      }
      const reached = [0, 0, 0];
      for (const [scheduled, departed, arrived] of times.values()) {
        let best = 0;
        for (const start of scheduled!) {
          const next = Math.min(...departed!.filter((at) => at >= start && at <= start + windowUs));
          const last = arrived!.some((at) => at >= next && at <= start + windowUs);
          best = Math.max(best, Number.isFinite(next) ? (last ? 3 : 2) : 1);
        }
        for (let i = 0; i < best; i++) reached[i]!++;
      }
      expect(answer.steps.map(({ users }) => users)).toEqual(reached);
      expect(reached[0]).toBeGreaterThan(3000);
    },
  );

  test("is interrupted by its signal", async () => {
    const caller = new AbortController();
    caller.abort();
    const asked = temporary.store.trace(
      {
        kind: "funnel",
        selection: { project: "p" },
        steps: [{ name: "A" }, { name: "B" }],
        exclusions: [],
        windowUs: 1,
        order: "ordered",
        entry: "every",
        groupLimit: 1,
      },
      { signal: caller.signal, deadline: Number.POSITIVE_INFINITY },
    );
    await expect(asked).rejects.toMatchObject({ code: "CANCELLED" });
  });
});
