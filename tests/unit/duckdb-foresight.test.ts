import { expect, it, vi } from "vitest";
import { createForesight } from "../../src/store/duckdb/foresight.ts";
import { blockOf } from "../support/store.ts";

const blocks = (offset: number) => [blockOf(0, offset, [Buffer.from("a"), Buffer.from("b")])];
const decoded = { events: [], deadLetters: [], positions: [2, 0] };

it("reads what is expected once, from the positions that there will be", () => {
  const decode = vi.fn(() => decoded);
  const foresight = createForesight(decode);
  foresight.expect(blocks(0));
  expect(decode).not.toHaveBeenCalled();
  foresight.read([0, 0]);
  foresight.read([0, 0]);
  expect(decode).toHaveBeenCalledTimes(1);
  expect(foresight.take(blocks(0), [0, 0])).toBe(decoded);
  expect(foresight.take(blocks(0), [0, 0])).toBeUndefined();
});

it.each([
  ["other blocks", blocks(2), [0, 0]],
  ["a part of them", [], [0, 0]],
  ["other positions", blocks(0), [0, 1]],
])("has nothing for %s", (_, asked, positions) => {
  const foresight = createForesight(() => decoded);
  foresight.expect(blocks(0));
  foresight.read([0, 0]);
  expect(foresight.take(asked, positions)).toBeUndefined();
});

it("has nothing of what cannot be read, and goes on", () => {
  const foresight = createForesight(() => {
    throw new Error("broken");
  });
  foresight.expect(blocks(0));
  foresight.read([0, 0]);
  expect(foresight.take(blocks(0), [0, 0])).toBeUndefined();
});
