import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockTime } from "../../src/domain/record/block.ts";
import {
  identities,
  levelFixture,
  logRecord,
  makeDirectory,
  type OpenLog,
  type OpenLogOptions,
  openLog,
  readAll,
  removeDirectory,
} from "../support/level-log.ts";
import { readingContract } from "../support/log-contract/reading.ts";

let directory: string;
let current: OpenLog | undefined;

beforeEach(async () => {
  directory = await makeDirectory();
});

afterEach(async () => {
  await current?.close();
  current = undefined;
  await removeDirectory(directory);
});

async function open(options: OpenLogOptions = {}) {
  await current?.close();
  current = await openLog(directory, { partitions: 1, ...options });
  return current.log;
}

/** Blocks of `size` records each, at the offsets 0, size, 2 size … */
async function openWithBlocks(count: number, size: number, options: OpenLogOptions = {}) {
  const log = await open(options);
  for (let i = 0; i < count; i++) {
    await log.append(Array.from({ length: size }, (_, j) => logRecord(`e${i}.${j}`, { padding: 100 })));
  }
  return log;
}

const firsts = (blocks: readonly { firstOffset: number }[]) => blocks.map((b) => b.firstOffset);

describe("the embedded log", () => readingContract(levelFixture));

describe("reading", () => {
  it.each([
    { offset: 0, expected: [0, 3, 6, 9] },
    { offset: 3, expected: [3, 6, 9] },
    { offset: 5, expected: [3, 6, 9] },
    { offset: 11, expected: [9] },
  ])("from $offset gives blocks as they were written", async ({ offset, expected }) => {
    const log = await openWithBlocks(4, 3);
    const blocks = await log.read(0, offset, 1e6);
    expect(firsts(blocks)).toEqual(expected);
    expect(blocks.every((b) => b.partition === 0 && b.count === 3)).toBe(true);
  });
});

describe("trimming", () => {
  const never = Number.POSITIVE_INFINITY;

  it.each([
    { applied: 0, gone: 0, start: 0 },
    { applied: 2, gone: 0, start: 0 },
    { applied: 3, gone: 1, start: 3 },
    { applied: 8, gone: 2, start: 6 },
    { applied: 12, gone: 3, start: 9 },
    { applied: 1000, gone: 3, start: 9 },
  ])("up to $applied forgets $gone blocks of four", async ({ applied, gone, start }) => {
    let log = await openWithBlocks(4, 3);
    expect(await log.trim([applied], never)).toBe(gone);
    expect(log.starts()).toEqual([start]);
    expect(log.ends()).toEqual([12]);
    expect((await readAll(log)).map((s) => s.offset)).toEqual(
      Array.from({ length: 12 - start }, (_, i) => start + i),
    );
    log = await open();
    expect([log.starts(), log.ends()]).toEqual([[start], [12]]);
  });

  it("keeps blocks that are too young", async () => {
    let now = 1000;
    const log = await openWithBlocks(4, 1, { now: () => now++ });
    const [, second] = await log.read(0, 0, 1e6);
    expect(await log.trim([4], blockTime(second!.bytes))).toBe(1);
    expect(log.starts()).toEqual([1]);
  });

  it("goes through many blocks in steps and frees their space", async () => {
    const log = await openWithBlocks(700, 1, { compactBytes: 1 });
    expect(await log.trim([700], never)).toBe(699);
    expect(await readAll(log)).toHaveLength(1);
  });

  it("leaves other partitions, ids and later appends as they are", async () => {
    const log = await open({ partitions: 4 });
    const users = Array.from({ length: 12 }, (_, i) => `user-${i}`);
    for (const round of ["a", "b"]) await log.append(users.map((userId) => logRecord(round, { userId })));
    const applied = log.ends().map((end, partition) => (partition === 0 ? end : 0));
    expect(await log.trim(applied, never)).toBe(1);
    expect(log.starts().slice(1)).toEqual([0, 0, 0]);
    const again = await log.append(users.map((userId) => logRecord("a", { userId })));
    expect(again.duplicateCount).toBe(users.length);
    await log.append(users.map((userId) => logRecord("c", { userId })));
    expect((await readAll(log)).filter((s) => s.identity.endsWith("/c"))).toHaveLength(users.length);
  });
});

describe("forgetting ids", () => {
  it("forgets those received before, and no others", async () => {
    const log = await open();
    const at = (id: number) => logRecord(`e${id}`, { receivedMs: id * 1000 });
    const all = Array.from({ length: 3000 }, (_, i) => at(i));
    await log.append(all);
    expect(await log.forgetIds(2000 * 1000)).toBe(2000);
    expect(await log.forgetIds(2000 * 1000)).toBe(0);
    const again = await log.append(all);
    expect([...again.duplicates]).toEqual(all.map((_, i) => (i < 2000 ? 0 : 1)));
  });

  it("does not forget one that came again meanwhile", async () => {
    let now = 1_000_000;
    const log = await open({ dedupWindowMs: 1000, now: () => now });
    const all = () => Array.from({ length: 2000 }, (_, i) => logRecord(`e${i}`, { receivedMs: now }));
    await log.append(all());
    now += 10_000;
    const [again] = await Promise.all([log.append(all()), log.forgetIds(now - 1000)]);
    expect(again.duplicateCount).toBe(0);
    expect((await log.append(all())).duplicateCount).toBe(2000);
    expect(log.ends()).toEqual([4000]);
  });

  it("leaves the records", async () => {
    const log = await openWithBlocks(2, 2);
    expect(await log.forgetIds(Number.POSITIVE_INFINITY)).toBe(4);
    expect(await identities(log)).toHaveLength(4);
  });
});
