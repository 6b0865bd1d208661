import { describe, expect, it } from "vitest";
import { createFunnel } from "../../src/sequence/funnel.ts";
import { createPaths } from "../../src/sequence/paths.ts";
import { createRetention } from "../../src/sequence/retention.ts";
import type { FunnelOrder, FunnelQuestion, Machine, Rows } from "../../src/sequence/sequence.ts";

const compareCodes = (a: number, b: number) => a - b;
const stepUs = 1000;
const small = 10_000;
const factor = 8;

/** One user's rows, a millisecond apart or at one instant. */
function robot(length: number, mask: (row: number, length: number) => number, together = false): Rows {
  return {
    length,
    users: new Int32Array(length),
    times: Float64Array.from({ length }, (_, row) => (together ? 0 : row * stepUs)),
    masks: Uint32Array.from({ length }, (_, row) => mask(row, length)),
    excluded: Uint32Array.from({ length }, (_, row) => (row % 1000 === 999 ? 1 : 0)),
    values: Int32Array.from({ length }, (_, row) => row % 7),
    sessions: Float64Array.from({ length }, (_, row) => (row % 3 === 0 ? (row % 5000) + 1 : 0)),
  };
}

/** Processor time in microseconds, the least of several runs: what others do on the machine does not count. */
function work(create: () => Machine<unknown>, rows: Rows): number {
  const runs = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage();
    const machine = create();
    machine.push(rows);
    machine.finish();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return Math.min(...runs);
}

/** Eight times the rows are at most 24 times the work; with each row looking back at all it would be 64 times. */
function expectLinear(create: (rows: number) => Machine<unknown>, rowsOf: (length: number) => Rows) {
  work(() => create(small), rowsOf(small));
  const one = work(() => create(small), rowsOf(small));
  const many = work(() => create(small * factor), rowsOf(small * factor));
  expect(many).toBeLessThan(3 * factor * Math.max(one, 1000));
}

const robots: Record<string, (length: number) => Rows> = {
  "only start": (length) => robot(length, () => 1),
  "start, then go on all at once": (length) => robot(length, (row) => (row < length - 3 ? 1 : 6)),
  "take turns": (length) => robot(length, (row) => 1 << (row % 4)),
  "match every step": (length) => robot(length, () => 15),
  "match anything": (length) => robot(length, (row) => Math.imul(row + 7, 0x9e3779b1) >>> 28),
  "come at one instant": (length) => robot(length, (row) => 1 + (row % 15), true),
};

describe.each(Object.entries(robots))(
  "for one user whose events %s, the work grows with the rows:",
  (_, rows) => {
    const funnel = (part: Partial<FunnelQuestion>) => () =>
      createFunnel({ steps: 5, windowUs: 1e15, order: "ordered", entry: "every", ...part });

    it.each<FunnelOrder>(["ordered", "strict", "any_order"])("a funnel %s", (order) => {
      expectLinear(funnel({ order }), rows);
      expectLinear(funnel({ order, windowUs: 1000 * stepUs, exclusions: [{}] }), rows);
    });

    it.each(["calendar", "rolling"] as const)("recurring retention, %s", (kind) => {
      for (const returnRule of ["on", "on_or_after"] as const) {
        expectLinear((length) => {
          const cohorts = length / 20;
          return createRetention({
            startUs: 0,
            endUs: length * stepUs,
            cohorts,
            periods: 10,
            periodStarts: Array.from({ length: cohorts + 11 }, (_, i) => i * 20 * stepUs),
            counting: kind === "calendar" ? { kind } : { kind, unitUs: 20 * stepUs },
            returnRule,
          });
        }, rows);
      }
    });

    it("paths", () => {
      const names = { limit: 10, compareCodes };
      for (const direction of ["after", "before"] as const) {
        const question = { direction, anchored: true, depth: 10, keepRepeats: true, names } as const;
        expectLinear(() => createPaths({ ...question, scope: "user" }), rows);
        expectLinear(() => createPaths({ ...question, scope: { gapUs: stepUs - 1 } }), rows);
      }
    });
  },
);
