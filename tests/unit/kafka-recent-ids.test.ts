import { expect, it } from "vitest";
import { createRecentIds } from "../../src/log/kafka/recent-ids.ts";

const known = (offset: number, receivedMs = 0) => ({ partition: 0, offset, receivedMs });

it("keeps the ids that came last, at most as many as it may and at least half of them", () => {
  const recent = createRecentIds(100);
  for (let i = 0; i < 1000; i++) {
    recent.add(`id-${i}`, known(i));
    expect(recent.size).toBeLessThanOrEqual(100);
    for (const back of [0, 49]) if (back <= i) expect(recent.get(`id-${i - back}`)?.offset).toBe(i - back);
  }
  expect(recent.get("id-800")).toBeUndefined();
});

it("keeps the newer of two places of one id", () => {
  const recent = createRecentIds(4);
  for (const [offset, id] of ["a", "b", "a", "c"].entries()) recent.add(id, known(offset));
  expect(recent.get("a")?.offset).toBe(2);
});

it("forgets what was received before a time", () => {
  const recent = createRecentIds(100);
  for (let i = 0; i < 60; i++) recent.add(`id-${i}`, known(i, i));
  expect(recent.forget(10)).toBe(10);
  expect(recent.get("id-9")).toBeUndefined();
  expect(recent.get("id-10")?.offset).toBe(10);
});
