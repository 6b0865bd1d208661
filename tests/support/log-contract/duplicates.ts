import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { partitionOf } from "../../../src/domain/partition.ts";
import { logRecord, readAll } from "../level-log.ts";
import { users } from "./append.ts";
import { contractOf, type LogFixture, underWay, visible } from "./fixture.ts";

/** @param runs of the random interleavings */
export function duplicateContract(make: () => Promise<LogFixture>, runs: number): void {
  const contract = contractOf(make);

  describe("a duplicate", () => {
    it("in the same append points at the first copy", async () => {
      const log = await contract.open();
      const result = await log.append([logRecord("a"), logRecord("b"), logRecord("a")]);
      expect([...result.duplicates]).toEqual([0, 0, 1]);
      expect(result.duplicateCount).toBe(1);
      expect(result.offsets[2]).toBe(result.offsets[0]);
      expect(result.partitions[2]).toBe(result.partitions[0]);
      await visible(log, result);
      expect((await readAll(log)).map((s) => s.identity)).toEqual(["default/alice/a", "default/alice/b"]);
    });

    it("in a concurrent append points at the first copy", async () => {
      const log = await contract.open();
      const results = await Promise.all([1, 2, 3].map(() => log.append([logRecord("a"), logRecord("b")])));
      expect(results.map((r) => r.duplicateCount)).toEqual([0, 2, 2]);
      for (const r of results) expect([...r.offsets]).toEqual([...results[0]!.offsets]);
      await visible(log, results[0]!);
      expect(await readAll(log)).toHaveLength(2);
    });

    it("of a record on its way waits for that write", async () => {
      const log = await contract.open();
      await contract.hold();
      const order: string[] = [];
      const first = log.append([logRecord("a")]).then(() => order.push("first"));
      await underWay(log);
      const again = log.append([logRecord("a")]).then((r) => order.push(`duplicates ${r.duplicateCount}`));
      await vi.waitFor(() => expect(log.stats().duplicates).toBe(1));
      expect(order).toEqual([]);
      contract.release();
      await Promise.all([first, again]);
      expect(order).toEqual(["first", "duplicates 1"]);
      expect(log.stats().groups).toBe(1);
    });

    it("is the same project, user and id: any other of the three is another event", async () => {
      const log = await contract.open();
      const others = [
        logRecord("a"),
        logRecord("a", { userId: "bob" }),
        logRecord("a", { project: "other" }),
      ];
      const result = await log.append(others);
      expect(result.duplicateCount).toBe(0);
      expect((await log.append(others)).duplicateCount).toBe(3);
      await visible(log, result);
      expect(await readAll(log)).toHaveLength(3);
    });

    it("within the window is one, beyond it a new event at a place of its own", async () => {
      let now = 1_700_000_000_000;
      const log = await contract.open({ partitions: 1, dedupWindowMs: 60_000, now: () => now });
      const append = async () => (await log.append([logRecord("a", { receivedMs: now })])).duplicates[0];
      expect(await append()).toBe(0);
      now += 60_000;
      expect(await append()).toBe(1);
      now += 1;
      expect(await append()).toBe(0);
      expect(await append()).toBe(1);
      const again = await log.append([logRecord("a")]);
      expect(again.offsets[0]).toBe(1);
      await visible(log, again);
      expect(log.ends()).toEqual([2]);
    });

    it("of a queued record is found in its order", async () => {
      const log = await contract.open();
      log.enqueue([logRecord("a"), logRecord("a"), logRecord("b")]);
      const result = await log.append([logRecord("b"), logRecord("c")]);
      expect([...result.duplicates]).toEqual([1, 0]);
      await visible(log, result);
      const stored = (await readAll(log)).map((s) => s.identity);
      expect(stored).toEqual(["default/alice/a", "default/alice/b", "default/alice/c"]);
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
            const fixture = await make();
            try {
              const log = await fixture.open({ maxGroupEvents: size });
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
              const reader = await fixture.open({}, "again");
              const stored = await readAll(reader);
              const inOrder = Array.from({ length: reader.partitions }, (_, partition) =>
                [...sent].filter(
                  (identity) => partitionOf(identity.split("/")[1]!, reader.partitions) === partition,
                ),
              );
              expect(stored.map((s) => s.identity)).toEqual(inOrder.flat());
              expect(firsts).toBeLessThanOrEqual(stored.length);
              for (const claim of claims) expect(stored).toContainEqual(claim);
            } finally {
              await fixture.remove();
            }
          },
        ),
        { numRuns: runs },
      );
    });
  });
}
