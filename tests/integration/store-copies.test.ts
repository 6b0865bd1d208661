import { afterEach, beforeEach, expect, it } from "vitest";
import { encodeReplayField } from "../../src/domain/record/dead-letter.ts";
import {
  blockOf,
  patiently,
  recordOf,
  type Sent,
  type TemporaryStore,
  temporaryStore,
  timestamp,
  userOn,
} from "../support/store.ts";

const monthUs = 31 * 86_400e6;
const dedupWindowMs = 60_000;

let temporary: TemporaryStore;
beforeEach(async () => {
  temporary = await temporaryStore({ dropsCopies: true });
});
afterEach(() => temporary.remove());

/** Opens the store as one that takes an id for a new one after a minute. */
async function withWindow(): Promise<void> {
  await temporary.remove();
  temporary = await temporaryStore({ dropsCopies: true, dedupWindowMs });
}

interface Small extends Omit<Sent, "event"> {
  readonly userId?: string;
  readonly us?: number;
  readonly amount?: number;
}

/** Of a user of partition 0. */
function sent(id: string, { userId = userOn(0), us = 0, amount = 1, ...rest }: Small = {}): Uint8Array {
  return recordOf({ ...rest, event: { id, userId, measures: { amount }, timestamp: timestamp(us) } });
}
const received = (id: string, seconds: number) => sent(id, { receivedUs: seconds * 1e6 });
const invalid = (id: string, more: Small = {}) => sent(id, { ...more, amount: Number.POSITIVE_INFINITY });
const replay = (record: Uint8Array, id: string) => Buffer.concat([record, encodeReplayField(id)]);

/** Applies records as the next of a partition. */
function apply(records: readonly Uint8Array[], partition = 0) {
  const position = temporary.store.positions()[partition]!;
  return temporary.store.apply([blockOf(partition, position, records)]);
}

/** Places of the events that count, as partition-offset. */
async function places(project = "p"): Promise<string[]> {
  const question = { kind: "events", selection: { project }, limit: 1000 } as const;
  const { events } = await temporary.store.ask(question, patiently());
  return events.map(({ partition, offset }) => `${partition}-${offset}`).sort();
}

async function letters() {
  const found = await temporary.store.deadLetters({ projects: ["p", ""], limit: 100 }, patiently());
  return found.map(({ partition, offset, reason }) => [`${partition}-${offset}`, reason]);
}

it("drops copies, whatever else they say and whenever they come, and counts them", async () => {
  const first = [sent("1", { receivedUs: 1 }), sent("1", { receivedUs: 2, us: 5 }), sent("2")];
  expect(await apply(first)).toMatchObject({ applied: 2, duplicates: 1 });
  const later = [sent("1", { receivedUs: 20 * monthUs, us: 30 * monthUs }), sent("2"), sent("3")];
  const result = await apply(later);
  expect(result).toMatchObject({ applied: 1, duplicates: 2 });
  expect(result.byProject.get("p")).toEqual({ applied: 1, deadLetters: 0, duplicates: 2 });
  expect(await places()).toEqual(["0-0", "0-2", "0-5"]);
  await temporary.reopen();
  expect(await apply([sent("1"), sent("4"), sent("3")])).toMatchObject({ applied: 1, duplicates: 2 });
});

it("takes the same id of another user or project for another event", async () => {
  const others = [sent("1"), sent("1", { userId: userOn(0, "v") }), sent("1", { project: "q" })];
  expect(await apply(others)).toMatchObject({ applied: 3, duplicates: 0 });
  expect(await places()).toEqual(["0-0", "0-1"]);
  expect(await places("q")).toEqual(["0-2"]);
});

it("drops copies in blocks of several partitions that are applied at once", async () => {
  const block = (partition: number, first: number, ...ids: string[]) =>
    blockOf(
      partition,
      first,
      ids.map((id) => sent(id, { userId: userOn(partition) })),
    );
  const blocks = [block(0, 0, "1", "2", "1"), block(1, 0, "1", "1"), block(0, 3, "2", "3")];
  expect(await temporary.store.apply(blocks)).toMatchObject({ applied: 4, duplicates: 3 });
  expect(await places()).toEqual(["0-0", "0-1", "0-4", "1-0"]);
});

it("keeps an event and drops its copy, in whatever pieces they come again", async () => {
  const records = Array.from({ length: 13 }, (_, offset) => sent(offset === 12 ? "7" : `${offset}`));
  const expected = Array.from({ length: 12 }, (_, offset) => `0-${offset}`).sort();
  expect(await apply(records)).toMatchObject({ applied: 12, duplicates: 1 });
  for (const cuts of [[13], [8, 5], [1, 11, 1]]) {
    await temporary.rewind();
    let duplicates = 0;
    for (const count of cuts) {
      const from = temporary.store.positions()[0]!;
      duplicates += (await apply(records.slice(from, from + count))).duplicates;
    }
    expect(duplicates).toBe(1);
    expect(await places()).toEqual(expected);
  }
});

it("takes an id for a new one once the window has passed since the first copy was received", async () => {
  await withWindow();
  const records = [received("a", 0), received("a", 60), received("a", 60.001), received("a", 120)];
  expect(await apply(records)).toMatchObject({ applied: 2, duplicates: 2 });
  // 120.001 is beyond a window that began within the second 60.
  expect(await apply([received("a", 120.001), received("a", 121)])).toMatchObject({ applied: 1 });
  expect(await places()).toEqual(["0-0", "0-2", "0-4"]);
  await temporary.rewind();
  const again = [...records, received("a", 120.001), received("a", 121)];
  for (const record of again) await apply([record]);
  expect(await places()).toEqual(["0-0", "0-2", "0-4"]);
});

it("forgets ids where it is told to, as far as what is still to come cannot need them", async () => {
  await withWindow();
  await apply([received("old", 10), received("new", 80)]);
  // What is on the log may have been received a minute after the newest.
  expect(await temporary.store.forgetIds(15_000)).toBe(1);
  expect(await temporary.store.forgetIds(Number.POSITIVE_INFINITY)).toBe(0);
  expect(await apply([received("new", 81), received("old", 81)])).toMatchObject({ applied: 1 });
  await apply([received("later", 1000)]);
  expect(await temporary.store.forgetIds(Number.POSITIVE_INFINITY)).toBe(2);
  // Of partitions of which it has applied nothing it forgets nothing.
  await temporary.reopen();
  expect(await temporary.store.forgetIds(Number.POSITIVE_INFINITY)).toBe(0);
  expect(await apply([received("later", 1000)])).toMatchObject({ duplicates: 1 });
});

it("sets aside what is not on its user's partition, where it does not keep its event from counting", async () => {
  const stray = userOn(1);
  const result = await apply([sent("1"), sent("s", { userId: stray }), sent("s", { userId: stray })]);
  expect(result).toMatchObject({ applied: 1, deadLetters: 1, duplicates: 1 });
  expect(await letters()).toEqual([["0-1", "WRONG_PARTITION"]]);
  // Replayed, it is on its own partition; the event came there by itself as well.
  const own = sent("s", { userId: stray });
  expect(await apply([replay(own, "0-1"), own, replay(own, "0-1")], 1)).toMatchObject({
    applied: 1,
    duplicates: 2,
  });
  expect(await places()).toEqual(["0-0", "1-0"]);
});

it("counts the mended event that comes with a dead letter's id, and neither a copy nor the letter's replay", async () => {
  const mended = sent("1");
  expect(await apply([invalid("1"), invalid("1")])).toMatchObject({ deadLetters: 1, duplicates: 1 });
  expect(await apply([mended, replay(sent("1"), "0-0"), mended])).toMatchObject({
    applied: 1,
    duplicates: 2,
  });
  expect(await apply([invalid("1")])).toMatchObject({ applied: 0, deadLetters: 0, duplicates: 1 });
  expect(await places()).toEqual(["0-2"]);
  await temporary.rewind();
  const all = [invalid("1"), invalid("1"), mended, replay(sent("1"), "0-0"), mended];
  for (const record of all) await apply([record]);
  expect(await places()).toEqual(["0-2"]);
});

it("lets a dead letter's replay pass once, and none of another letter of the same event", async () => {
  await apply([invalid("1")]);
  await apply([sent("1")], 1);
  const again = replay(sent("1"), "0-0");
  expect(await apply([again])).toMatchObject({ applied: 1, duplicates: 0 });
  const more = [again, replay(sent("1"), "1-0"), sent("1")];
  expect(await apply(more)).toMatchObject({ applied: 0, duplicates: 3 });
  expect(await places()).toEqual(["0-1"]);
});

it("sets a replay aside that is no better, once, and lets that one's replay pass", async () => {
  await apply([invalid("1")]);
  const worse = replay(invalid("1"), "0-0");
  expect(await apply([worse, worse])).toMatchObject({ deadLetters: 1, duplicates: 1 });
  expect(await letters()).toEqual([
    ["0-1", "INVALID_EVENT"],
    ["0-0", "INVALID_EVENT"],
  ]);
  expect(await apply([replay(sent("1"), "0-1")])).toMatchObject({ applied: 1, duplicates: 0 });
});

it("counts for a record of another program that replays nothing the event's own id", async () => {
  const nonsense = ["nonsense", "3-7"].map((id) => replay(sent("1"), id));
  expect(await apply([sent("1"), ...nonsense])).toMatchObject({ applied: 1, duplicates: 2 });
});

it("sets aside records without an id, none of which is a copy of another", async () => {
  expect(await apply([sent(""), sent(""), sent("1")])).toMatchObject({ applied: 1, deadLetters: 2 });
  expect(await letters()).toEqual([
    ["0-1", "INVALID_EVENT"],
    ["0-0", "INVALID_EVENT"],
  ]);
});
