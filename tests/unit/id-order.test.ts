import fc from "fast-check";
import { expect, test } from "vitest";
import type { Rows } from "../../src/sequence/sequence.ts";
import { orderById } from "../../src/store/sql/sequences/id-order.ts";
import { byBytes } from "../reference/events.ts";

interface Row {
  readonly user: number;
  readonly time: number;
  readonly mask: number;
  readonly id: string;
}

const row = fc.record({
  user: fc.integer({ min: 0, max: 2 }),
  time: fc.integer({ min: 0, max: 3 }),
  mask: fc.integer({ min: 0, max: 2 }),
  id: fc.constantFrom("a", "b", "\uffff", "\u{10000}", "c1", "c2"),
});

const rowsOf = (some: readonly Row[]): Rows => ({
  length: some.length,
  users: Int32Array.from(some, ({ user }) => user),
  times: Float64Array.from(some, ({ time }) => time),
  masks: Uint32Array.from(some, ({ mask }) => mask),
});

test("rows of the same user and time come by id, wherever the chunks end", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(row, { maxLength: 40, selector: ({ user, time, id }) => `${user} ${time} ${id}` }),
      fc.integer({ min: 1, max: 9 }),
      (all, size) => {
        const sorted = all.toSorted((a, b) => a.user - b.user || a.time - b.time);
        const passed: number[][] = [];
        const order = orderById(({ length, users, times, masks }) => {
          for (let i = 0; i < length; i++) passed.push([users[i]!, times[i]!, masks[i]!]);
        });
        for (let at = 0; at < sorted.length; at += size) {
          const some = sorted.slice(at, at + size);
          order.push(rowsOf(some), (i) => some[i]!.id);
        }
        order.end();
        const expected = sorted.toSorted((a, b) => a.user - b.user || a.time - b.time || byBytes(a.id, b.id));
        expect(passed).toEqual(expected.map(({ user, time, mask }) => [user, time, mask]));
      },
    ),
  );
});

test("ids are read only where rows of one instant differ", () => {
  const order = orderById(() => {});
  const idOf = () => {
    throw new Error("no id is needed");
  };
  order.push(rowsOf([1, 1, 2].map((time) => ({ user: 0, time, mask: 1, id: "" }))), idOf);
  order.push(rowsOf([2, 3].map((time) => ({ user: 0, time, mask: 1, id: "" }))), idOf);
  expect(() => order.end()).not.toThrow();
});
