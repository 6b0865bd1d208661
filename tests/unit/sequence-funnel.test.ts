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

  it.each(["ordered", "strict", "any_order"] as const)("has up to 20 steps, %s", (order) => {
    const apart = parseEvents(Array.from({ length: 20 }, (_, i) => `A${i}`).join(" "));
    const together = parseEvents(Array(20).fill("A0").join(" "));
    const question = { ...questionOf({ events: "", reached: 0 }), order, steps: Array(20).fill(named("A")) };
    expect(reachedIn(ask(apart, question, 7).steps)).toBe(20);
    expect(reachedIn(ask(together, question, 7).steps)).toBe(20);
    expect(reachedIn(ask(together.slice(1), question, 7).steps)).toBe(19);
  });

  it("counts of two attempts that start at once and get equally far that of the smaller id, with its own times", () => {
    const [first, second, ...later] = parseEvents("A0 A0 B10 C20");
    const events = [{ ...first!, properties: { plan: "both" } }, second!, ...later];
    // The first A may also be step 2, so the attempt of the second one is at step 2 at once and the first's is not.
    const isFirst: Predicate = (event) => planOf(event) === "both";
    const steps: Predicate[] = [
      named("A"),
      (event) => isFirst(event) || event.name === "B",
      named("C"),
      named("D"),
    ];
    const question = { ...questionOf({ events: "", reached: 0 }), steps };
    expect(ask(events, question, 100)).toEqual(reference.funnel(events, question));
    expect(ask(events, question, 100).steps[1]!.fromStart!.averageUs).toBe(10 * minuteUs);
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

/** Names and, where they overlap, groups of names or other features; the same one may come again. */
const predicate: fc.Arbitrary<Predicate> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("A", "B", "C").map((name) => named(name)) },
  { weight: 2, arbitrary: fc.subarray(["A", "B", "C", "X"], { minLength: 1 }).map((some) => named(...some)) },
  {
    weight: 2,
    arbitrary: fc.subarray(["", "a", "b", "\uffff", "\u{10000}"], { minLength: 1 }).map(
      (plans): Predicate =>
        (event) =>
          plans.includes(planOf(event)),
    ),
  },
);

const span = (steps: number) =>
  fc
    .tuple(fc.integer({ min: 1, max: steps - 1 }), fc.integer({ min: 1, max: steps - 1 }))
    .map(([from, length]) => ({ from, to: Math.min(from + length, steps) }));

const questions = (order: reference.Funnel["order"]): fc.Arbitrary<reference.Funnel> =>
  fc.array(predicate, { minLength: 2, maxLength: 5, size: "max" }).chain((steps) =>
    fc.record({
      steps: fc.constant(steps),
      // Instants are whole, so windows end exactly at some.
      windowUs: fc.constantFrom(1, 2, 3, 5, 9, 20, 20),
      order: fc.constant(order),
      entry: fc.constantFrom("every", "every", "first"),
      exclusions: fc.array(
        fc
          .record({
            excludes: fc.oneof(fc.constant(named("X")), predicate),
            between: order === "any_order" ? fc.constant({}) : fc.oneof(fc.constant({}), span(steps.length)),
          })
          .map(({ excludes, between }) => ({ excludes, ...between })),
        { maxLength: 2 },
      ),
      startUs: fc.constantFrom(-Infinity, -Infinity, -Infinity, 0, 2),
      endUs: fc.constantFrom(Infinity, Infinity, Infinity, 6, 9),
      breakdown: fc.constantFrom(planOf, (event: Event) => event.id),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  );

const names = ["A", "B", "C", "X"];
const histories = {
  "spread over time": randomEvents({ maxLength: 18, time: fc.integer({ min: 0, max: 14 }), names }),
  "of few instants": randomEvents({
    maxLength: 14,
    time: fc.integer({ min: 0, max: 3 }),
    names,
    users: ["u"],
  }),
};

describe.each(["ordered", "strict", "any_order"] as const)("a funnel %s", (order) => {
  it.each(Object.entries(histories))(
    "agrees with every attempt tried by itself on events %s",
    (_, events) => {
      const chunk = fc.integer({ min: 1, max: 8 });
      fc.assert(
        fc.property(events, questions(order), chunk, (all, question, size) => {
          expect(ask(all, question, size)).toEqual(reference.funnel(all, question));
        }),
        { numRuns },
      );
    },
  );
});
