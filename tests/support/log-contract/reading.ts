import { describe, expect, it } from "vitest";
import type { Block } from "../../../src/domain/record/block.ts";
import type { EventLog } from "../../../src/log/log.ts";
import { logRecord, readAll } from "../level-log.ts";
import { type ContractOptions, contractOf, type LogFixture, visible } from "./fixture.ts";

export function readingContract(make: () => Promise<LogFixture>): void {
  const contract = contractOf(make);

  /** Records in `count` writes of `size` each. */
  async function openWith(count: number, size: number, options: ContractOptions = {}): Promise<EventLog> {
    const log = await contract.open({ partitions: 1, ...options });
    for (let i = 0; i < count; i++) {
      const records = Array.from({ length: size }, (_, j) => logRecord(`e${i}.${j}`, { padding: 100 }));
      await visible(log, await log.append(records));
    }
    return log;
  }

  /** First offset, and the one behind the last, of blocks that follow one another. */
  function span(blocks: readonly Block[]): [from: number, to: number] | undefined {
    const [first] = blocks;
    if (first === undefined) return undefined;
    let to = first.firstOffset;
    for (const block of blocks) {
      expect(block.firstOffset).toBe(to);
      to += block.count;
    }
    return [first.firstOffset, to];
  }

  describe("reading", () => {
    it.each([0, 3, 5, 11])(
      "from %i gives blocks that follow one another, from the one that holds it",
      async (offset) => {
        const log = await openWith(4, 3);
        const [from, to] = span(await log.read(0, offset, 1e6))!;
        expect(from).toBeLessThanOrEqual(offset);
        expect(to).toBe(12);
      },
    );

    it.each([12, 1000])("from %i, behind the end, gives nothing", async (offset) => {
      const log = await openWith(4, 3);
      expect(await log.read(0, offset, 1e6)).toEqual([]);
    });

    it("stops at about the bytes asked for, with at least one block", async () => {
      const log = await openWith(6, 3);
      const [from, to] = span(await log.read(0, 0, 1))!;
      expect([from, to]).toEqual([0, 3]);
      const [block] = await log.read(0, 0, 1);
      const some = span(await log.read(0, 0, 3 * block!.bytes.length))!;
      expect(some[1]).toBeGreaterThanOrEqual(6);
      expect(some[1]).toBeLessThanOrEqual(12);
    });

    it("follows the log from block to block, whatever the bytes of a step", async () => {
      const log = await openWith(20, 2);
      for (const maxBytes of [1, 500, 5000, 1e6]) expect(await readAll(log, maxBytes)).toHaveLength(40);
    });

    it("refuses a partition that does not exist", async () => {
      const log = await contract.open({ partitions: 1 });
      await expect(log.read(1, 0, 1000)).rejects.toThrow(RangeError);
    });

    it("finds starts and ends again after the log was opened anew", async () => {
      let log = await openWith(3, 2, { partitions: 4 });
      const [starts, ends] = [log.starts(), log.ends()];
      log = await contract.reopen({ partitions: 4 });
      expect(log.starts()).toEqual(starts);
      expect(log.ends()).toEqual(ends);
      await visible(log, await log.append([logRecord("more")]));
      for (const maxBytes of [1, 1e6]) expect(await readAll(log, maxBytes)).toHaveLength(7);
    });
  });
}
