import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFunnel } from "../../src/sequence/funnel.ts";
import type { FunnelAnswer, FunnelStep } from "../../src/sequence/sequence.ts";
import type { Event, Predicate } from "../reference/events.ts";
import * as reference from "../reference/funnel.ts";
import { type FunnelVector, funnelVectors } from "../support/funnel-vectors.ts";
import { answer, feed, minuteUs, named, numRuns, parseEvents, randomEvents } from "../support/sequences.ts";

/** The machine's answer, in the reference's shape. */
function ask(events: readonly Event[], question: reference.Funnel, chunk: number): reference.FunnelReference {
  const { steps, exclusions, breakdown, limit, ...rest } = question;
  const rows = feed(events, chunk, {
    predicates: steps,
    excluded: exclusions.map(({ excludes }) => excludes),
    ...(breakdown ? { value: breakdown } : {}),
    sparse: question.order !== "strict",
  });
  const machine = createFunnel({
    ...rest,
    steps: steps.length,
    exclusions: exclusions.map(({ excludes, ...between }) => between),
    ...(breakdown ? { breakdown: { limit: limit!, compareCodes: rows.compareCodes } } : {}),
  });
  const { groups, other, ...all }: FunnelAnswer = answer(machine, rows);
  return {
    ...all,
    groups: groups.map(({ code, ...group }) => ({ value: rows.texts[code]!, ...group })),
    ...(other ? { other: { steps: other } } : {}),
  };
}

function questionOf(vector: FunnelVector): reference.Funnel {
  const { exclusion, start, end } = vector;
  const { name = "X", ...between } = exclusion ?? {};
  return {
    steps: (vector.steps ?? ["A", "B", "C"]).map((step) => named(step)),
    windowUs: 60 * minuteUs,
    order: vector.order ?? "ordered",
    entry: vector.entry ?? "every",
    exclusions: exclusion ? [{ excludes: named(name), ...between }] : [],
    ...(start === undefined ? {} : { startUs: start * minuteUs }),
    ...(end === undefined ? {} : { endUs: end * minuteUs }),
  };
}

const reachedIn = (steps: readonly FunnelStep[]) => steps.filter(({ users }) => users === 1).length;

describe("a funnel", () => {
  it.each(funnelVectors)("reaches $reached: $order $entry $steps $exclusion $events", (vector) => {
    const events = parseEvents(vector.events);
    const question = questionOf(vector);
    expect(reachedIn(reference.funnel(events, question).steps), "reference").toBe(vector.reached);
    expect(reachedIn(ask(events, question, 100).steps), "machine").toBe(vector.reached);
  });

  it("answers exact times over the users of each step, and groups by the first event's value", () => {
    const user = (text: string, userId: string, plan: string) =>
      parseEvents(text, userId).map((event) => ({ ...event, properties: { plan } }));
    const events = [
      ...user("A0 B10", "u", "pro"),
      ...user("A0 B20", "v", "pro"),
      ...user("A0 B50", "w", "free"),
      ...user("A0", "x", "team"),
      ...user("A0", "y", "basic"),
    ];
    const question = { ...questionOf({ events: "", steps: ["A", "B"], reached: 0 }), limit: 2 };
    const { steps, groups, other } = ask(events, { ...question, breakdown: planOf }, 3);
    expect(steps[0]).toEqual({ users: 5 });
    const times = { averageUs: (80 / 3) * minuteUs, medianUs: 20 * minuteUs, p90Us: 44 * minuteUs };
    expect(steps[1]).toEqual({ users: 3, fromStart: times, fromPrevious: times });
    expect(groups.map(({ value, steps: [first] }) => [value, first!.users])).toEqual([
      ["pro", 2],
      ["basic", 1],
    ]);
    expect(other!.steps.map(({ users }) => users)).toEqual([2, 1]);
  });

  it.each([
    [{ steps: 1 }, "steps"],
    [{ steps: 21 }, "steps"],
    [{ windowUs: Number.NaN }, "window"],
    [{ exclusions: [{ from: 2, to: 2 }] }, "exclusion"],
    [{ exclusions: [{ to: 4 }] }, "exclusion"],
    [{ exclusions: [{ from: 1 }], order: "any_order" }, "exclusion"],
    [{ breakdown: { limit: 0, compareCodes: () => 0 } }, "breakdown"],
  ] as const)("refuses %j", (part, about) => {
    const whole = { steps: 3, windowUs: 1, order: "ordered", entry: "every" } as const;
    expect(() => createFunnel({ ...whole, ...part })).toThrow(RangeError);
    expect(() => createFunnel({ ...whole, ...part })).toThrow(about);
  });
});

const planOf = (event: Event) => event.properties.plan ?? "";

/** Names and, where they overlap, groups of names; the same one may come again. */
const predicate: fc.Arbitrary<Predicate> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom("A", "B", "C").map((name) => [name]) },
    { weight: 2, arbitrary: fc.subarray(["A", "B", "C", "X"], { minLength: 1 }) },
  )
  .map((names) => Object.assign(named(...names), { toString: () => names.join("|") }));

const span = (steps: number) =>
  fc
    .record({ from: fc.integer({ min: 1, max: steps - 1 }), length: fc.integer({ min: 1, max: steps }) })
    .map(({ from, length }) => ({ from, to: Math.min(from + length, steps) }));

const questions = (order: "ordered" | "strict" | "any_order"): fc.Arbitrary<reference.Funnel> =>
  fc.array(predicate, { minLength: 2, maxLength: 5 }).chain((steps) =>
    fc.record({
      steps: fc.constant(steps),
      // Gaps between instants are 1, 2, 3, 5, 8 …: windows end exactly at some.
      windowUs: fc.integer({ min: 1, max: 9 }),
      order: fc.constant(order),
      entry: fc.constantFrom("every", "first"),
      exclusions: fc.array(
        fc
          .record({
            excludes: fc.oneof(fc.constant(named("X")), predicate),
            between: order === "any_order" ? fc.constant({}) : fc.oneof(fc.constant({}), span(steps.length)),
          })
          .map(({ excludes, between }) => ({ excludes, ...between })),
        { maxLength: 2 },
      ),
      startUs: fc.constantFrom(-Infinity, -Infinity, 0, 2),
      endUs: fc.constantFrom(Infinity, Infinity, 6, 9),
      breakdown: fc.constantFrom(planOf, (event: Event) => event.id),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  );

describe.each(["ordered", "strict", "any_order"] as const)("a funnel %s", (order) => {
  it("agrees with every attempt tried by itself", () => {
    const events = fc.oneof(
      randomEvents({ maxLength: 12, time: fc.integer({ min: 0, max: 12 }), names: ["A", "B", "C", "X"] }),
      randomEvents({ maxLength: 14, time: fc.integer({ min: 0, max: 3 }), names: ["A", "B", "C"] }),
    );
    const chunk = fc.integer({ min: 1, max: 8 });
    fc.assert(
      fc.property(events, questions(order), chunk, (all, question, size) => {
        expect(ask(all, question, size)).toEqual(reference.funnel(all, question));
      }),
      { numRuns },
    );
  });
});
