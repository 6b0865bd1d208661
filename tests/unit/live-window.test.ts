import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareUtf8 } from "../../src/filter/order.ts";
import { createBudget } from "../../src/live/budget.ts";
import { createSlidingWindow, stepOf, type WindowLimits } from "../../src/live/window.ts";

const startMs = 1_700_000_000_000;
const plenty = 2 ** 30;

interface Sent {
  readonly userId: string;
  readonly name: string;
  /** Received, in milliseconds after the beginning. */
  readonly atMs: number;
}

function createFixture(windowMs: number, limits: WindowLimits = {}, bytes = plenty) {
  const budget = createBudget(bytes);
  const window = createSlidingWindow(windowMs, budget, limits);
  window.advance(startMs);
  return {
    budget,
    window,
    add: ({ userId, name, atMs }: Sent) => window.add({ userId, name }, startMs + atMs),
    advance: (atMs: number) => window.advance(startMs + atMs),
    figures: () => window.figures(),
    top: () => window.top(10).map(({ name, events }) => `${name} ${events}`),
  };
}

/** What SEMANTICS.md says of a window, by loops over all that was sent. */
function reference(sent: readonly Sent[], fromMs: number, toMs: number, limit: number) {
  const inside = sent.filter(({ atMs }) => startMs + atMs >= fromMs && startMs + atMs < toMs);
  const names = new Map<string, number>();
  for (const { name } of inside) names.set(name, (names.get(name) ?? 0) + 1);
  return {
    events: inside.length,
    activeUsers: new Set(inside.map(({ userId }) => userId)).size,
    top: [...names]
      .map(([name, events]) => ({ name, events }))
      .sort((a, b) => b.events - a.events || compareUtf8(a.name, b.name))
      .slice(0, limit),
  };
}

const windows = [1000, 1234, 10_000, 10_001, 60_000, 90_000, 600_000, 3_600_000];

describe("a sliding window", () => {
  it("has the figures of a loop over all events, at every length, step and order of arrival", () => {
    const send = fc.record({
      kind: fc.constant("send" as const),
      userId: fc.constantFrom("ann", "bob", "cem", "dot", "eve"),
      name: fc.constantFrom("view", "buy", "\uffff", "\u{10000}"),
      /** How long before now it was received, as a share of the window. */
      age: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1.2, noNaN: true })),
    });
    const wait = fc.record({
      kind: fc.constant("wait" as const),
      share: fc.oneof(
        fc.double({ min: 0, max: 0.1, noNaN: true }),
        fc.double({ min: 0, max: 2.5, noNaN: true }),
      ),
    });
    const steps = fc.array(fc.oneof({ arbitrary: send, weight: 4 }, wait), { maxLength: 80 });
    fc.assert(
      fc.property(
        fc.constantFrom(...windows),
        steps,
        fc.integer({ min: 1, max: 4 }),
        (length, all, limit) => {
          const { window, add, advance, figures } = createFixture(length);
          const sent: Sent[] = [];
          let nowMs = 0;
          for (const step of all) {
            if (step.kind === "wait") {
              nowMs += Math.round(step.share * length);
              advance(nowMs);
            } else {
              const one = { ...step, atMs: nowMs - Math.round(step.age * length) };
              // What the window has left behind when it comes does not count, in later windows neither.
              if (startMs + one.atMs >= figures().startMs) sent.push(one);
              add(one);
            }
            const { startMs: from, endMs: to, ...rest } = figures();
            expect({ ...rest, top: window.top(limit) }).toEqual({
              ...reference(sent, from, to, limit),
              activeUsersAtLeast: false,
              topEventsAtLeast: false,
            });
            expect(to - from).toBe(window.windowMs);
            expect(to - (startMs + nowMs)).toBeGreaterThan(0);
            expect(to - (startMs + nowMs)).toBeLessThanOrEqual(stepOf(length));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(windows)("of %i ms is as long as asked, rounded up to whole steps", (length) => {
    const { window } = createFixture(length);
    expect(window.windowMs % stepOf(length)).toBe(0);
    expect(window.windowMs).toBeGreaterThanOrEqual(length);
    expect(window.windowMs - length).toBeLessThan(stepOf(length));
  });

  it("counts what a clock that was set back dates into the future as of now", () => {
    const { add, figures, advance } = createFixture(1000);
    add({ userId: "ann", name: "view", atMs: 3_600_000 });
    expect(figures().events).toBe(1);
    advance(1100);
    expect(figures().events).toBe(0);
  });

  it("counts users exactly up to its bound, beyond it at least that many, and exactly again once it can", () => {
    const { add, advance, figures } = createFixture(10_000, { maxUsers: 3 });
    for (const userId of ["ann", "bob", "cem"]) add({ userId, name: "view", atMs: 0 });
    expect(figures()).toMatchObject({ activeUsers: 3, activeUsersAtLeast: false });
    advance(5000);
    add({ userId: "dot", name: "view", atMs: 5000 });
    add({ userId: "ann", name: "view", atMs: 5000 });
    expect(figures()).toMatchObject({ events: 5, activeUsers: 3, activeUsersAtLeast: true });
    // Bob and Cem have left the window; Dot, who was not remembered, is still in it.
    advance(12_000);
    expect(figures()).toMatchObject({ events: 2, activeUsers: 1, activeUsersAtLeast: true });
    add({ userId: "eve", name: "view", atMs: 12_000 });
    advance(16_000);
    expect(figures()).toMatchObject({ events: 1, activeUsers: 1, activeUsersAtLeast: false });
  });

  it("says where it could not count a name, until that has left the window", () => {
    const { add, advance, figures, top } = createFixture(10_000, { maxNameCells: 2 });
    for (const name of ["a", "b", "c", "a"]) add({ userId: "ann", name, atMs: 0 });
    expect(top()).toEqual(["a 2", "b 1"]);
    expect(figures()).toMatchObject({ events: 4, topEventsAtLeast: true });
    advance(10_100);
    add({ userId: "ann", name: "c", atMs: 10_100 });
    expect(top()).toEqual(["c 1"]);
    expect(figures().topEventsAtLeast).toBe(false);
  });

  it("ranks the same few of very many names", () => {
    const { add, window } = createFixture(60_000);
    const counts = new Map<string, number>();
    for (let i = 0; i < 50_000; i++) {
      const name = `n-${((i * 7919) % 20_011) % (1 + (i % 20_000))}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      add({ userId: "ann", name, atMs: 0 });
    }
    const ranked = [...counts]
      .map(([name, events]) => ({ name, events }))
      .sort((a, b) => b.events - a.events || compareUtf8(a.name, b.name));
    for (const limit of [1, 10, 1000]) expect(window.top(limit)).toEqual(ranked.slice(0, limit));
  });

  it("shares its memory, says where there is none left, and gives all back", () => {
    const { add, advance, budget, figures, window } = createFixture(1000, {}, 2000);
    for (let i = 0; i < 100; i++) add({ userId: `user-${i}`, name: `name-${i}`, atMs: 0 });
    expect(budget.left).toBeGreaterThanOrEqual(0);
    expect(figures()).toMatchObject({ events: 100, activeUsersAtLeast: true, topEventsAtLeast: true });
    advance(5000);
    expect(figures()).toMatchObject({ events: 0, activeUsers: 0, activeUsersAtLeast: false });
    window.release();
    expect(budget.left).toBe(2000);
  });

  it("forgets users who have left it, however many come", () => {
    const { add, advance, budget, window } = createFixture(1000);
    let most = 0;
    for (let atMs = 0; atMs < 600_000; atMs += 50) {
      advance(atMs);
      for (let i = 0; i < 10; i++) add({ userId: `user-${atMs}-${i}`, name: "view", atMs });
      most = Math.max(most, plenty - budget.left);
    }
    // 200 users and 20 cells in the window, and some 1,200 users who left: of 120,000.
    expect(most).toBeLessThan(400_000);
    window.release();
    expect(budget.left).toBe(plenty);
  });
});
