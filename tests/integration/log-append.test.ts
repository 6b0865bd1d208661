import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { partitionOf } from "../../src/domain/partition.ts";
import {
  createGate,
  type Gate,
  identities,
  logRecord,
  makeDirectory,
  type OpenLog,
  type OpenLogOptions,
  openLog,
  readAll,
  removeDirectory,
} from "../support/level-log.ts";

let directory: string;
let current: OpenLog | undefined;
let gate: Gate;

beforeEach(async () => {
  gate = createGate();
  directory = await makeDirectory();
});

afterEach(async () => {
  gate.release();
  await current?.close();
  current = undefined;
  await removeDirectory(directory);
});

async function open(options: OpenLogOptions = {}) {
  await current?.close();
  current = await openLog(directory, options);
  return current.log;
}

const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);

describe("an append", () => {
  it("gives each record a place on its user's partition, in order, where it can be read", async () => {
    const log = await open();
    const records = users.flatMap((userId) => ["a", "b"].map((id) => logRecord(id, { userId })));
    const result = await log.append(records);
    expect(result.duplicateCount).toBe(0);
    const stored = await readAll(log);
    expect(stored).toHaveLength(records.length);
    for (const [i, { userId, id }] of records.entries()) {
      expect(result.partitions[i]).toBe(partitionOf(userId, log.partitions));
      expect(stored).toContainEqual({
        identity: `default/${userId}/${id}`,
        partition: result.partitions[i],
        offset: result.offsets[i],
      });
    }
  });

  it("of nothing is answered", async () => {
    const log = await open();
    expect((await log.append([])).offsets).toHaveLength(0);
  });

  it("larger than a group is split over several and answered once", async () => {
    const flushes: number[] = [];
    const log = await open({
      partitions: 1,
      maxGroupEvents: 10,
      onFlush: ({ events }) => flushes.push(events),
    });
    const result = await log.append(Array.from({ length: 35 }, (_, i) => logRecord(`e${i}`)));
    expect([...result.offsets]).toEqual(Array.from({ length: 35 }, (_, i) => i));
    expect(flushes).toEqual([10, 10, 10, 5]);
    expect(log.ends()).toEqual([35]);
  });

  it("ends a group with the record that reaches its bytes", async () => {
    const flushes: number[] = [];
    const log = await open({ maxGroupBytes: 1000, onFlush: ({ events }) => flushes.push(events) });
    await log.append(Array.from({ length: 6 }, (_, i) => logRecord(`e${i}`, { padding: 400 })));
    expect(flushes).toEqual([3, 3]);
  });

  it("shares a group with those that come while a write is under way", async () => {
    const flushes: number[] = [];
    const log = await open({ wrap: gate.wrap, onFlush: ({ events }) => flushes.push(events) });
    gate.hold();
    const first = log.append([logRecord("first")]);
    await vi.waitFor(() => expect(gate.waiting).toBe(1));
    const later = users.map((userId) => log.append([logRecord("later", { userId })]));
    gate.release();
    await Promise.all([first, ...later]);
    expect(flushes).toEqual([1, users.length]);
  });

  it("is not answered, and its records not read, before it is on disk", async () => {
    const log = await open({ wrap: gate.wrap });
    gate.hold();
    let answered = false;
    const appended = log.append([logRecord("a")]).then(() => {
      answered = true;
    });
    await vi.waitFor(() => expect(gate.waiting).toBe(1));
    expect(answered).toBe(false);
    expect(await identities(log)).toEqual([]);
    gate.release();
    await appended;
    expect(await identities(log)).toEqual(["default/alice/a"]);
  });

  it("tells listeners after each write, until they end it", async () => {
    const log = await open();
    const ends: number[][] = [];
    const stop = log.onAppend(() => ends.push([...log.ends()]));
    await log.append([logRecord("a")]);
    const partition = partitionOf("alice", log.partitions);
    expect(ends.map((e) => e[partition])).toEqual([1]);
    stop();
    await log.append([logRecord("b")]);
    expect(ends).toHaveLength(1);
  });
});

describe("a duplicate", () => {
  it("in the same append points at the first copy", async () => {
    const log = await open();
    const result = await log.append([logRecord("a"), logRecord("b"), logRecord("a")]);
    expect([...result.duplicates]).toEqual([0, 0, 1]);
    expect(result.duplicateCount).toBe(1);
    expect(result.offsets[2]).toBe(result.offsets[0]);
    expect(result.partitions[2]).toBe(result.partitions[0]);
    expect(await identities(log)).toEqual(["default/alice/a", "default/alice/b"]);
  });

  it("in a concurrent append points at the first copy", async () => {
    const log = await open();
    const results = await Promise.all([1, 2, 3].map(() => log.append([logRecord("a"), logRecord("b")])));
    expect(results.map((r) => r.duplicateCount)).toEqual([0, 2, 2]);
    for (const r of results) expect([...r.offsets]).toEqual([...results[0]!.offsets]);
    expect(await identities(log)).toHaveLength(2);
  });

  it("of a record on its way to the disk waits for that write", async () => {
    const log = await open({ wrap: gate.wrap });
    gate.hold();
    const order: string[] = [];
    const first = log.append([logRecord("a")]).then(() => order.push("first"));
    await vi.waitFor(() => expect(gate.waiting).toBe(1));
    const again = log.append([logRecord("a")]).then((r) => order.push(`duplicates ${r.duplicateCount}`));
    await vi.waitFor(() => expect(log.stats().duplicates).toBe(1));
    expect(order).toEqual([]);
    gate.release();
    await Promise.all([first, again]);
    expect(order).toEqual(["first", "duplicates 1"]);
    expect(log.stats().groups).toBe(1);
  });

  it("is known after the log was opened again", async () => {
    let log = await open();
    const first = await log.append([logRecord("a"), logRecord("b")]);
    log = await open();
    const again = await log.append([logRecord("b"), logRecord("c")]);
    expect([...again.duplicates]).toEqual([1, 0]);
    expect(again.offsets[0]).toBe(first.offsets[1]);
    expect(await identities(log)).toHaveLength(3);
  });

  it("is the same project, user and id: any other of the three is another event", async () => {
    const log = await open();
    const others = [logRecord("a"), logRecord("a", { userId: "bob" }), logRecord("a", { project: "other" })];
    expect((await log.append(others)).duplicateCount).toBe(0);
    expect((await log.append(others)).duplicateCount).toBe(3);
    expect(await identities(log)).toHaveLength(3);
  });

  it("within the window is one, beyond it a new event at a place of its own", async () => {
    let now = 1_700_000_000_000;
    const log = await open({ partitions: 1, dedupWindowMs: 60_000, now: () => now });
    const append = async () => (await log.append([logRecord("a", { receivedMs: now })])).duplicates[0];
    expect(await append()).toBe(0);
    now += 60_000;
    expect(await append()).toBe(1);
    now += 1;
    expect(await append()).toBe(0);
    expect(await append()).toBe(1);
    expect(log.ends()).toEqual([2]);
    expect((await log.append([logRecord("a")])).offsets[0]).toBe(1);
  });
});

describe("a queued record", () => {
  it("is looked up in its order and reaches the disk", async () => {
    const log = await open();
    log.enqueue([logRecord("a"), logRecord("a"), logRecord("b")]);
    const result = await log.append([logRecord("b"), logRecord("c")]);
    expect([...result.duplicates]).toEqual([1, 0]);
    expect(await identities(log)).toEqual(["default/alice/a", "default/alice/b", "default/alice/c"]);
  });

  it("is written before the log closes", async () => {
    let log = await open();
    log.enqueue(Array.from({ length: 2000 }, (_, i) => logRecord(`e${i}`, { userId: users[i % 20]! })));
    log = await open();
    expect(await identities(log)).toHaveLength(2000);
  });
});

describe("the queue", () => {
  const full = { code: "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL", retryDelayMs: expect.any(Number) };

  it("takes no part of a call that finds no room, and takes it once there is", async () => {
    const log = await open({ wrap: gate.wrap, maxQueueEvents: 5 });
    gate.hold();
    const first = log.append([logRecord("a"), logRecord("b"), logRecord("c")]);
    const more = [logRecord("d"), logRecord("e"), logRecord("f")];
    await expect(log.append(more)).rejects.toMatchObject(full);
    expect(() => log.enqueue(more)).toThrow(expect.objectContaining(full));
    log.enqueue(more.slice(1));
    expect(log.stats()).toMatchObject({ queueEvents: 5 });
    gate.release();
    await first;
    await vi.waitFor(() => expect(log.stats()).toMatchObject({ queueEvents: 0, queueBytes: 0 }));
    expect((await log.append(more)).duplicateCount).toBe(2);
    expect(await identities(log)).toHaveLength(6);
  });

  it("is bounded in bytes too", async () => {
    const log = await open({ maxQueueBytes: 1000 });
    await expect(log.append([logRecord("a", { padding: 1000 })])).rejects.toMatchObject(full);
    expect((await log.append([logRecord("a", { padding: 900 })])).duplicateCount).toBe(0);
  });

  it("refuses a record without bytes", async () => {
    const log = await open();
    await expect(log.append([{ ...logRecord("a"), value: [] }])).rejects.toThrow(TypeError);
  });
});

describe("a closed log", () => {
  it("answers what it took and refuses the rest", async () => {
    const log = await open({ wrap: gate.wrap });
    gate.hold();
    const taken = log.append([logRecord("a")]);
    const closed = log.close();
    await expect(log.append([logRecord("b")])).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
    gate.release();
    await closed;
    expect((await taken).duplicateCount).toBe(0);
  });
});

describe("any interleaving of calls", () => {
  const call = fc.record({
    wait: fc.constantFrom("append", "enqueue", "await"),
    records: fc.array(
      fc.record({ user: fc.integer({ min: 0, max: 3 }), id: fc.integer({ min: 0, max: 12 }) }),
      { maxLength: 12 },
    ),
  });

  it("keeps every identity once and in order, and every answer points at its record", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { maxLength: 25 }),
        fc.integer({ min: 1, max: 9 }),
        async (calls, size) => {
          const own = await makeDirectory();
          const { log, close } = await openLog(own, { maxGroupEvents: size });
          try {
            const sent = new Set<string>();
            const answers: Promise<void>[] = [];
            const claims: { identity: string; partition: number; offset: number }[] = [];
            let firsts = 0;
            for (const { wait, records } of calls) {
              const made = records.map(({ user, id }) => logRecord(`e${id}`, { userId: users[user]! }));
              for (const r of made) sent.add(`default/${r.userId}/${r.id}`);
              if (wait === "enqueue") {
                log.enqueue(made);
                continue;
              }
              const answer = log.append(made).then((result) => {
                for (const [i, r] of made.entries()) {
                  const identity = `default/${r.userId}/${r.id}`;
                  claims.push({ identity, partition: result.partitions[i]!, offset: result.offsets[i]! });
                  if (result.duplicates[i] === 0) firsts++;
                }
              });
              answers.push(answer);
              if (wait === "await") await answer;
            }
            await Promise.all(answers);
            await log.close();
            const stored = await readAll(log);
            const inOrder = Array.from({ length: log.partitions }, (_, partition) =>
              [...sent].filter(
                (identity) => partitionOf(identity.split("/")[1]!, log.partitions) === partition,
              ),
            );
            expect(stored.map((s) => s.identity)).toEqual(inOrder.flat());
            expect(firsts).toBeLessThanOrEqual(stored.length);
            for (const claim of claims) expect(stored).toContainEqual(claim);
          } finally {
            await close();
            await removeDirectory(own);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
