import { describe, expect, it, vi } from "vitest";
import { partitionOf } from "../../../src/domain/partition.ts";
import type { AppendResult } from "../../../src/log/log.ts";
import { logRecord, readAll } from "../level-log.ts";
import { contractOf, type LogFixture, underWay, visible } from "./fixture.ts";

export const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);

export function appendContract(make: () => Promise<LogFixture>): void {
  const contract = contractOf(make);

  describe("an append", () => {
    it("gives each record a place on its user's partition, in order, where it can be read", async () => {
      const log = await contract.open();
      const records = users.flatMap((userId) => ["a", "b"].map((id) => logRecord(id, { userId })));
      const result = await log.append(records);
      expect(result.duplicateCount).toBe(0);
      await visible(log, result);
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
      const log = await contract.open();
      expect((await log.append([])).offsets).toHaveLength(0);
    });

    it("larger than a group is split over several and answered once", async () => {
      const flushes: number[] = [];
      const log = await contract.open({
        partitions: 1,
        maxGroupEvents: 10,
        onFlush: ({ events }) => flushes.push(events),
      });
      const result = await log.append(Array.from({ length: 35 }, (_, i) => logRecord(`e${i}`)));
      expect([...result.offsets]).toEqual(Array.from({ length: 35 }, (_, i) => i));
      expect(flushes).toEqual([10, 10, 10, 5]);
      await visible(log, result);
      expect(log.ends()).toEqual([35]);
    });

    it("that may overtake goes before thousands whose callers wait, yet not before what was queued, nor if it is large", async () => {
      const log = await contract.open({ partitions: 1 });
      const some = (name: string, count: number) =>
        Array.from({ length: count }, (_, i) => logRecord(`${name}${i}`));
      const offsetsOf = async (appends: readonly Promise<AppendResult>[]) =>
        (await Promise.all(appends)).map(({ offsets }) => offsets[0]);
      const overtaking = { overtakes: true };
      const large = log.append(some("large", 1000));
      const small = log.append(some("small", 2), overtaking);
      const next = log.append(some("next", 2), overtaking);
      const patient = log.append(some("patient", 2));
      expect(await offsetsOf([small, next, large, patient])).toEqual([0, 2, 4, 1004]);

      const second = log.append(some("second", 1000));
      log.enqueue(some("queued", 2));
      const behind = log.append(some("behind", 2), overtaking);
      const many = log.append(some("many", 1000), overtaking);
      expect(await offsetsOf([second, behind, many])).toEqual([1006, 2008, 2010]);
    });

    it("that overtakes again and again does not keep a large one from its turn", async () => {
      const log = await contract.open({ partitions: 1 });
      const calls = Array.from({ length: 20 }, (_, call) =>
        Array.from({ length: 50 }, (_, i) => logRecord(`${call}-${i}`)),
      );
      const large = log.append(Array.from({ length: 300 }, (_, i) => logRecord(`large${i}`)));
      const small = calls.map((records) => log.append(records, { overtakes: true }));
      const first = (await large).offsets[0]!;
      const firsts = (await Promise.all(small)).map(({ offsets }) => offsets[0]!);
      expect(first).toBe(256);
      expect(firsts.filter((offset) => offset > first)).not.toEqual([]);
    });

    it("shares a group with those that come while a write is under way", async () => {
      const flushes: number[] = [];
      const log = await contract.open({ onFlush: ({ events }) => flushes.push(events) });
      await contract.hold();
      const first = log.append([logRecord("first")]);
      await underWay(log);
      const later = users.map((userId) => log.append([logRecord("later", { userId })]));
      contract.release();
      await Promise.all([first, ...later]);
      expect(flushes).toEqual([1, users.length]);
    });

    it("is not answered, and its records not read, before it is durable", async () => {
      const log = await contract.open();
      await contract.hold();
      let answered = false;
      const appended = log.append([logRecord("a")]).finally(() => {
        answered = true;
      });
      await underWay(log);
      expect(answered).toBe(false);
      expect(await readAll(log)).toEqual([]);
      contract.release();
      await visible(log, await appended);
      expect((await readAll(log)).map((s) => s.identity)).toEqual(["default/alice/a"]);
    });

    it("is told to listeners, once readers see it, until they end it", async () => {
      const log = await contract.open();
      const ends: number[][] = [];
      const stop = log.onAppend(() => ends.push([...log.ends()]));
      await visible(log, await log.append([logRecord("a")]));
      const partition = partitionOf("alice", log.partitions);
      expect(ends.at(-1)?.[partition]).toBe(1);
      stop();
      const before = ends.length;
      await visible(log, await log.append([logRecord("b")]));
      expect(ends).toHaveLength(before);
    });

    it("refuses a record without bytes", async () => {
      const log = await contract.open();
      await expect(log.append([{ ...logRecord("a"), value: [] }])).rejects.toThrow(TypeError);
    });
  });

  describe("the queue", () => {
    const full = { code: "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL", retryDelayMs: expect.any(Number) };

    it("takes no part of a call that finds no room, and takes it once there is", async () => {
      const log = await contract.open({ maxQueueEvents: 5 });
      await contract.hold();
      const first = log.append([logRecord("a"), logRecord("b"), logRecord("c")]);
      const more = [logRecord("d"), logRecord("e"), logRecord("f")];
      await expect(log.append(more)).rejects.toMatchObject(full);
      expect(() => log.enqueue(more)).toThrow(expect.objectContaining(full));
      log.enqueue(more.slice(1));
      expect(log.stats()).toMatchObject({ queueEvents: 5, refusedForEvents: 2, refusedForBytes: 0 });
      contract.release();
      await first;
      await vi.waitFor(() => expect(log.stats()).toMatchObject({ queueEvents: 0, queueBytes: 0 }));
      const result = await log.append(more);
      expect(result.duplicateCount).toBe(2);
      await visible(log, result);
      expect(await readAll(log)).toHaveLength(6);
    });

    it("is bounded in bytes too", async () => {
      const log = await contract.open({ maxQueueBytes: 1000 });
      await expect(log.append([logRecord("a", { padding: 1000 })])).rejects.toMatchObject(full);
      expect(log.stats()).toMatchObject({ refusedForEvents: 0, refusedForBytes: 1 });
      expect((await log.append([logRecord("a", { padding: 900 })])).duplicateCount).toBe(0);
    });
  });

  describe("a closed log", () => {
    it("answers what it took and refuses the rest", async () => {
      const log = await contract.open();
      await contract.hold();
      const taken = log.append([logRecord("a")]);
      const closed = log.close();
      await expect(log.append([logRecord("b")])).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
      contract.release();
      await closed;
      expect((await taken).duplicateCount).toBe(0);
    });

    it("has written what was queued", async () => {
      let log = await contract.open();
      log.enqueue(Array.from({ length: 2000 }, (_, i) => logRecord(`e${i}`, { userId: users[i % 20]! })));
      log = await contract.reopen();
      expect(await readAll(log)).toHaveLength(2000);
    });
  });
}
