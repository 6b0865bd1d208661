import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Block, BrokenBlockError } from "../../src/domain/record/block.ts";
import { encodeRecordHead } from "../../src/domain/record/record.ts";
import type { StoredEvent } from "../../src/store/questions.ts";
import { deadLetters } from "../support/dead-letters.ts";
import {
  blockOf,
  createFeed,
  type EventInit,
  patiently,
  recordOf,
  type Sent,
  storePartitions,
  type TemporaryStore,
  temporaryStore,
  timestamp,
  userOn,
} from "../support/store.ts";

let temporary: TemporaryStore;
beforeEach(async () => {
  temporary = await temporaryStore();
});
afterEach(() => temporary.remove());

const user = userOn(0);

function sent(id: string, more: EventInit = {}): Sent {
  return { event: { id, userId: user, ...more } as EventInit };
}

async function stored(project = "p"): Promise<readonly StoredEvent[]> {
  const question = { kind: "events", selection: { project }, limit: 1000 } as const;
  return (await temporary.store.ask(question, patiently())).events;
}

async function ids(): Promise<string[]> {
  return (await stored()).map((event) => event.id).sort();
}

/** The position of the partition that is not 0. */
function position(): number {
  return Math.max(...temporary.store.positions());
}

it("applies blocks and says what it did", async () => {
  const { blocks } = createFeed().blocks([
    { project: "a", receivedUs: 3_000_000, event: { id: "1", userId: "u" } },
    { project: "a", receivedUs: 2_000_000, event: { id: "2", userId: "v" } },
    { project: "b", receivedUs: 4_000_000, event: { id: "1", userId: "u" } },
  ]);
  const version = temporary.store.version;
  const result = await temporary.store.apply(blocks);
  expect(result).toMatchObject({ applied: 3, deadLetters: 0, duplicates: 0, oldestReceivedMs: 2000 });
  expect([...result.byProject]).toEqual([
    ["a", { applied: 2, deadLetters: 0, duplicates: 0 }],
    ["b", { applied: 1, deadLetters: 0, duplicates: 0 }],
  ]);
  expect(temporary.store.version).toBeGreaterThan(version);
  expect(temporary.store.positions().reduce((a, b) => a + b)).toBe(3);
});

it("keeps what an event says, and shows it flattened", async () => {
  const { blocks, places } = createFeed().blocks([
    {
      receivedUs: 2_000_000,
      event: {
        id: "i",
        userId: "u",
        sessionId: "s",
        source: "web",
        timestamp: timestamp(1_234_567),
        properties: { plan: "pro" },
        payload: { case: "transactionEvent", value: { amount: 2.5, currency: "eur", type: 1 } },
      },
    },
  ]);
  await temporary.store.apply(blocks);
  expect(await stored()).toEqual([
    {
      id: "i",
      userId: "u",
      sessionId: "s",
      name: "purchase",
      eventType: "transaction",
      source: "web",
      timestampUs: 1_234_567,
      receivedUs: 2_000_000,
      properties: { plan: "pro", "transaction.currency": "EUR", "transaction.type": "purchase" },
      measures: { "transaction.amount": 2.5 },
      ...places[0],
    },
  ]);
});

it("passes over what it has applied already, be it whole blocks or the start of one", async () => {
  const [one, two, three] = [sent("1"), sent("2"), sent("3")];
  const feed = createFeed();
  const first = feed.blocks([one, two]).blocks;
  await temporary.store.apply(first);
  const again = await temporary.store.apply(first);
  expect(again).toMatchObject({ applied: 0, deadLetters: 0 });
  // A block that begins before the position and goes on beyond it.
  const whole = createFeed().blocks([one, two, three]).blocks;
  expect(await temporary.store.apply(whole)).toMatchObject({ applied: 1 });
  expect(await ids()).toEqual(["1", "2", "3"]);
  expect(position()).toBe(3);
});

it("applies the same whatever it was told would come", async () => {
  const feed = createFeed();
  const users = [user, userOn(1), userOn(2)];
  const all: string[] = [];
  const batch = () => {
    const some = Array.from({ length: 6 }, (_, i) => sent(`${all.length + i}`, { userId: users[i % 3]! }));
    all.push(...some.map(({ event }) => event.id!));
    return feed.blocks(some).blocks;
  };
  const broken = ({ bytes, ...block }: Block) => {
    const flipped = Uint8Array.from(bytes);
    flipped[flipped.length - 1]! ^= 1;
    return { ...block, bytes: flipped };
  };
  const hint = fc.constantFrom("next", "next", "later", "present", "part", "broken", "none");
  await fc.assert(
    fc.asyncProperty(fc.array(hint, { minLength: 1, maxLength: 6 }), async (hints) => {
      const batches = [...hints, "", ""].map(batch);
      for (const [i, blocks] of batches.entries()) {
        const applied = temporary.store.apply(blocks);
        const [next, later] = [batches[i + 1] ?? [], batches[i + 2] ?? []];
        const told = { next, later, present: blocks, part: next.slice(1), broken: next.map(broken) };
        const foreseen = told[hints[i] as keyof typeof told];
        if (foreseen !== undefined) temporary.store.foresee?.(foreseen);
        expect(await applied).toMatchObject({ applied: 6, deadLetters: 0, duplicates: 0 });
      }
    }),
    { numRuns: 15 },
  );
  expect(await ids()).toEqual([...all].sort());
});

it("applies consecutive blocks of one partition in one call", async () => {
  const feed = createFeed();
  const blocks = ["1", "2", "3"].flatMap((id) => feed.blocks([sent(id)]).blocks);
  expect(await temporary.store.apply(blocks)).toMatchObject({ applied: 3 });
  expect(await ids()).toEqual(["1", "2", "3"]);
});

it("keeps the offset of a record that was removed", async () => {
  const records = [recordOf(sent("1")), undefined, recordOf(sent("3"))];
  expect(await temporary.store.apply([blockOf(0, 0, records)])).toMatchObject({ applied: 2, deadLetters: 0 });
  expect((await stored()).map((event) => event.offset).sort()).toEqual([0, 2]);
  expect(temporary.store.positions()[0]).toBe(3);
});

it("makes a dead letter of a record without a value", async () => {
  const records = [Uint8Array.of(), recordOf(sent("2"))];
  const result = await temporary.store.apply([blockOf(0, 0, records)]);
  expect(result).toMatchObject({
    applied: 1,
    setAside: [{ offset: 0, reason: "UNDECODABLE", message: "the record is empty", record: Uint8Array.of() }],
  });
  expect(await ids()).toEqual(["2"]);
});

it("refuses the whole call for a gap, a broken block, a false count or an unknown partition", async () => {
  const good = createFeed().blocks([sent("1")]).blocks;
  const records = [recordOf(sent("x", { userId: userOn(1) }))];
  const block = blockOf(1, 0, records);
  const flipped = Uint8Array.from(block.bytes);
  flipped[flipped.length - 1]! ^= 1;
  const broken = {
    "a gap": blockOf(1, 1, records),
    "a flipped bit": { ...block, bytes: flipped },
    "a block cut short": { ...block, bytes: block.bytes.slice(0, -1) },
    "a false count": { ...block, count: 2 },
    "an unknown partition": blockOf(storePartitions, 0, records),
  };
  for (const [name, bad] of Object.entries(broken)) {
    await expect(temporary.store.apply([...good, bad]), name).rejects.toThrow(BrokenBlockError);
    expect(temporary.store.positions(), name).toEqual(Array(storePartitions).fill(0));
    expect(await stored(), name).toEqual([]);
  }
  expect(await temporary.store.apply(good)).toMatchObject({ applied: 1 });
});

it("puts poison among the dead letters, in the rows' transaction, and goes on", async () => {
  const head = encodeRecordHead("p", 5_000_000, "");
  const userId = userOn(2);
  const tags = { ["t".repeat(128)]: "" };
  const records = [
    recordOf(sent("before", { userId })),
    Uint8Array.of(0xff, 0xff),
    head,
    recordOf(sent("infinite", { userId, measures: { a: Number.POSITIVE_INFINITY } })),
    recordOf(sent("wide", { userId, payload: { case: "systemEvent", value: { tags } } })),
    recordOf(sent("nobody", { userId: "" })),
    recordOf(sent("after", { userId })),
  ];
  const result = await temporary.store.apply([blockOf(2, 0, records)]);
  expect(result).toMatchObject({ applied: 2, deadLetters: 5 });
  expect([...result.byProject]).toEqual([
    ["p", { applied: 2, deadLetters: 3, duplicates: 0 }],
    ["", { applied: 0, deadLetters: 2, duplicates: 0 }],
  ]);
  expect(await ids()).toEqual(["after", "before"]);
  expect(temporary.store.positions()[2]).toBe(7);

  await temporary.store.close();
  expect(await deadLetters(temporary.path)).toEqual([
    [2, 1, "", "UNDECODABLE", 2],
    [2, 2, "", "UNDECODABLE", head.length],
    [2, 3, "p", "INVALID_EVENT", records[3]!.length],
    [2, 4, "p", "INVALID_EVENT", records[4]!.length],
    [2, 5, "p", "INVALID_EVENT", records[5]!.length],
  ]);
  await temporary.reopen();
});

it("checks what others wrote by the rules of admission, whatever it says", async () => {
  const foreign = await temporaryStore({ dropsCopies: true });
  const userId = userOn(1);
  const sentTo1 = (id: string, more: EventInit = {}) => recordOf(sent(id, { userId, ...more }));
  const records = [
    sentTo1("good"),
    sentTo1("control\u0001"),
    sentTo1(""),
    sentTo1("elsewhere", { userId: userOn(0) }),
    // A time that no column holds.
    Buffer.concat([sentTo1("late"), encodeRecordHead("p", 1e24, "")]),
    sentTo1("also good"),
  ];
  const result = await foreign.store.apply([blockOf(1, 0, records)]);
  expect(result).toMatchObject({ applied: 2, deadLetters: 4 });
  await foreign.store.close();
  expect((await deadLetters(foreign.path)).map(([, offset, , reason]) => [offset, reason])).toEqual([
    [1, "INVALID_EVENT"],
    [2, "INVALID_EVENT"],
    [3, "WRONG_PARTITION"],
    [4, "INVALID_EVENT"],
  ]);
  await foreign.remove();
});

it("gives one key to each user of a project, whether remembered, looked up or new", async () => {
  const feed = createFeed();
  const users = Array.from({ length: 50 }, (_, i) => `u${i}`);
  const batch = (round: string, project: string) =>
    feed.blocks(users.map((userId) => ({ project, event: { id: round, userId } }))).blocks;
  await temporary.store.apply(batch("1", "p"));
  await temporary.store.apply(batch("2", "p"));
  await temporary.reopen();
  await temporary.store.apply([...batch("3", "p"), ...batch("1", "q")]);
  for (const project of ["p", "q"]) {
    const question = { kind: "summary", selection: { project }, topLimit: 1 } as const;
    expect((await temporary.store.ask(question, patiently())).uniqueUsers).toBe(50);
  }
  // Not every store numbers them.
  expect(temporary.store.stats().users ?? 100).toBe(100);
});

it("stands where it stood after it was closed and opened again", async () => {
  await temporary.store.apply(createFeed().blocks([sent("1"), sent("2")]).blocks);
  const before = temporary.store.positions();
  const store = await temporary.reopen();
  expect(store.logId).toBe("log");
  expect(store.positions()).toEqual(before);
  expect(await ids()).toEqual(["1", "2"]);
  expect(store.stats().rows).toBe(2);
});

it("belongs to one log", async () => {
  const { store } = temporary;
  await store.bind("log", storePartitions);
  await expect(store.bind("other", storePartitions)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  await expect(store.bind("log", storePartitions + 1)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  expect(store.logId).toBe("log");
});

it("skips forward where the log no longer has the records, and never back", async () => {
  const { store } = temporary;
  await store.skipTo([5, 0, 2, 0]);
  await store.skipTo([3, 1, 0, 0]);
  expect(store.positions()).toEqual([5, 1, 2, 0]);
  expect((await temporary.reopen()).positions()).toEqual([5, 1, 2, 0]);
  const next = blockOf(0, 5, [recordOf(sent("5"))]);
  expect(await temporary.store.apply([next])).toMatchObject({ applied: 1 });
});

it("removes rows before an instant, of one project or of all", async () => {
  const at = (project: string, us: number) => ({
    project,
    event: { id: String(us), userId: "u", timestamp: timestamp(us) },
  });
  await temporary.store.apply(
    createFeed().blocks([at("p", 1), at("p", 2), at("p", 3), at("q", 1), at("q", 3)]).blocks,
  );
  const version = temporary.store.version;
  expect(await temporary.store.removeBefore(3, "p")).toBe(2);
  expect(temporary.store.version).toBe(version + 1);
  expect((await stored("p")).map((event) => event.timestampUs)).toEqual([3]);
  expect((await stored("q")).map((event) => event.timestampUs)).toEqual([3, 1]);
  expect(await temporary.store.removeBefore(2)).toBe(1);
  expect(await temporary.store.removeBefore(2)).toBe(0);
  expect(temporary.store.version).toBe(version + 2);
  expect(temporary.store.stats().rows).toBe(2);
});

it("shows of a user's properties the first 100 keys by their bytes", async () => {
  const keys = Array.from({ length: 101 }, (_, i) => `k${String(i).padStart(3, "0")}`);
  const properties = Object.fromEntries(keys.map((key) => [key, "v"]));
  await temporary.store.apply(createFeed().blocks([sent("1", { properties })]).blocks);
  const question = {
    kind: "user",
    selection: { project: "p" },
    userId: user,
    topLimit: 1,
    sessionGapUs: 1,
    sessionLimit: 1,
  } as const;
  const answer = await temporary.store.ask(question, patiently());
  expect(Object.keys(answer.properties)).toEqual(keys.slice(0, 100));
});

it("adds up better than a plain sum", async () => {
  const values = [1e15, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, -1e15];
  const events = values.map((value, i) => sent(String(i).padStart(2, "0"), { measures: { m: value } }));
  await temporary.store.apply(createFeed().blocks(events).blocks);
  const question = {
    kind: "breakdown",
    selection: { project: "p" },
    metric: { kind: "sum", measure: "m" },
    dimension: { kind: "field", field: "source" },
    limit: 1,
  } as const;
  expect((await temporary.store.ask(question, patiently())).total).toBeCloseTo(1, 12);
});
