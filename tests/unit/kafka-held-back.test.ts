import { expect, it } from "vitest";
import type { FetchedPartition } from "../../src/log/kafka/fetch.ts";
import { createHeldBackNotes } from "../../src/log/kafka/held-back.ts";

function noted() {
  const clock = { ms: 1000 };
  const notes = createHeldBackNotes(() => clock.ms);
  const answer = (partition: number, stableOffset: number, endOffset: number): FetchedPartition => ({
    partition,
    startOffset: 0,
    stableOffset,
    endOffset,
    abortedTransactions: [],
    records: [],
  });
  const see = (partition: number, stableOffset: number, endOffset: number) =>
    notes.note(answer(partition, stableOffset, endOffset));
  return { clock, notes, see };
}

it("what is held back grows, and is as old as the first of it", () => {
  const { clock, notes, see } = noted();
  see(0, 5, 5);
  expect([...notes.all()]).toEqual([]);
  see(1, 5, 6);
  clock.ms = 3000;
  see(1, 5, 9);
  expect([...notes.all()]).toMatchObject([[1, { end: 9, sinceMs: 1000 }]]);
  // The next transaction had begun before the first ended.
  see(1, 8, 9);
  expect([...notes.all()]).toMatchObject([[1, { end: 9, sinceMs: 3000 }]]);
  see(1, 9, 9);
  expect([...notes.all()]).toEqual([]);
});

it("a transaction is trouble once it has held records back for long enough, until it ends", () => {
  const { clock, notes, see } = noted();
  see(3, 7, 9);
  clock.ms = 5999;
  expect(notes.trouble(5000)).toBe("");
  clock.ms = 6000;
  expect(notes.trouble(5000)).toBe(
    "records of partition 3 from offset 7 on wait for another program's transaction, which has been open for 5 s",
  );
  see(3, 10, 10);
  expect(notes.trouble(5000)).toBe("");
});
