import { expect, it } from "vitest";
import { createIdHasher } from "../../src/domain/ids.ts";
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

it("knows each of many ids by all of its hash, also one that came again after it was forgotten", () => {
  const hashId = createIdHasher(new Uint8Array(16));
  // All of them belong on the same place of the table.
  const hashes = Array.from({ length: 500 }, (_, i) => `same${hashId("p", "u", String(i)).slice(4)}`);
  const recent = createRecentIds(1000);
  for (const [i, hash] of hashes.entries()) {
    expect(recent.get(hash)).toBeUndefined();
    recent.add(hash, { partition: i, offset: 2 ** 40 + i, receivedMs: i });
    if (i === 99) expect(recent.forget(50)).toBe(50);
  }
  for (const hash of hashes.slice(0, 50)) expect(recent.get(hash)).toBeUndefined();
  recent.add(hashes[0]!, { partition: 7, offset: 1, receivedMs: 2 ** 41 });
  expect(recent.get(hashes[0]!)).toEqual({ partition: 7, offset: 1, receivedMs: 2 ** 41 });
  for (const [i, hash] of [...hashes.entries()].slice(50)) {
    expect(recent.get(hash)).toEqual({ partition: i, offset: 2 ** 40 + i, receivedMs: i });
  }
  // None of them has gone with a generation: half of the table is not full yet.
  expect(recent.size).toBe(451);
});
