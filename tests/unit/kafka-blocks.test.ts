import { describe, expect, it } from "vitest";
import { type Block, blockTime, readBlock } from "../../src/domain/record/block.ts";
import type { FetchedRecord } from "../../src/log/kafka/batch-reader.ts";
import { createBlockCache } from "../../src/log/kafka/block-cache.ts";
import { blocksOf } from "../../src/log/kafka/blocks.ts";
import type { FetchedPartition } from "../../src/log/kafka/fetch.ts";

type Batch = {
  /** Offset of its first record, even where compaction took that one away … */
  readonly first: number;
  /** … and how many it was sent with. */
  readonly sent: number;
  readonly producer?: bigint;
  readonly kind?: "plain" | "transaction" | "marker";
  /** Values by place in the batch; null: none. */
  readonly values: Readonly<Record<number, string | null>>;
};

const of = ({ first, sent, producer = 7n, kind = "plain", values }: Batch): FetchedRecord[] =>
  Object.entries(values).map(([place, value]) => ({
    offset: first + Number(place),
    timestamp: 1_700_000_000_000 + first,
    key: null,
    value: value === null ? null : Buffer.from(value),
    batch: {
      firstOffset: first,
      lastOffset: first + sent - 1,
      producerId: producer,
      firstSequence: 0,
      maxTimestamp: 1_700_000_000_000 + first,
      inTransaction: kind !== "plain",
      isControl: kind === "marker",
    },
  }));

const fetched = (
  batches: readonly Batch[],
  aborted: FetchedPartition["abortedTransactions"] = [],
): FetchedPartition => ({
  partition: 3,
  startOffset: 0,
  stableOffset: 1000,
  endOffset: 1000,
  abortedTransactions: aborted,
  records: batches.flatMap(of),
});

/** Offset and text of each record; undefined: one that is not there. */
function texts(blocks: readonly Block[]): [offset: number, text: string | undefined][] {
  return blocks.flatMap(({ firstOffset, bytes }) => {
    const found: [number, string | undefined][] = [];
    readBlock(bytes, (record, i) => found.push([firstOffset + i, record && Buffer.from(record).toString()]));
    return found;
  });
}

describe("blocks of what a broker gives", () => {
  it("hold each value at its offset, and the time of the last", () => {
    const blocks = blocksOf(fetched([{ first: 5, sent: 2, values: { 0: "a", 1: "b" } }]), 5, 100);
    expect(texts(blocks)).toEqual([
      [5, "a"],
      [6, "b"],
    ]);
    expect(blocks).toMatchObject([{ partition: 3, firstOffset: 5, count: 2 }]);
    expect(blockTime(blocks[0]!.bytes)).toBe(1_700_000_000_005);
  });

  it("begin where they are wanted, within a batch too, and end there", () => {
    const batches = [{ first: 0, sent: 5, values: { 0: "a", 1: "b", 2: "c", 3: "d", 4: "e" } }];
    expect(texts(blocksOf(fetched(batches), 1, 4)).map(([, text]) => text)).toEqual(["b", "c", "d"]);
  });

  it("keep the offsets of what compaction took away: before, between and behind the rest of a batch", () => {
    const batches = [
      { first: 10, sent: 4, values: { 2: "a" } },
      { first: 20, sent: 3, values: { 1: "b" } },
    ];
    expect(texts(blocksOf(fetched(batches), 8, 100)).filter(([, text]) => text !== undefined)).toEqual([
      [12, "a"],
      [21, "b"],
    ]);
    const blocks = blocksOf(fetched(batches), 8, 100);
    expect(blocks[0]!.firstOffset).toBe(8);
    expect(blocks.at(-1)!.firstOffset + blocks.at(-1)!.count).toBe(23);
  });

  it("keep the offsets of markers and of transactions that were given up, but have records without a value", () => {
    const batches: Batch[] = [
      { first: 0, sent: 1, producer: 1n, kind: "transaction", values: { 0: "given up" } },
      { first: 1, sent: 1, producer: 2n, kind: "transaction", values: { 0: "committed" } },
      { first: 2, sent: 1, producer: 1n, values: { 0: "outside of any" } },
      { first: 3, sent: 1, producer: 1n, kind: "marker", values: { 0: "\0\0\0\0" } },
      { first: 4, sent: 1, producer: 1n, kind: "transaction", values: { 0: "the next one" } },
      { first: 5, sent: 2, values: { 0: null, 1: "" } },
    ];
    const shown = texts(blocksOf(fetched(batches, [{ producerId: 1n, firstOffset: 0 }]), 0, 100));
    expect(shown.map(([, text]) => text)).toEqual([
      undefined,
      "committed",
      "outside of any",
      undefined,
      "the next one",
      "",
      "",
    ]);
  });

  it("know a transaction that was given up from within it", () => {
    const batches: Batch[] = [
      { first: 8, sent: 1, producer: 1n, kind: "transaction", values: { 0: "given up" } },
    ];
    const aborted = [{ producerId: 1n, firstOffset: 2 }];
    expect(texts(blocksOf(fetched(batches, aborted), 8, 100))).toEqual([[8, undefined]]);
  });

  it("are cut where a gap is wide", () => {
    const blocks = blocksOf(fetched([{ first: 200_000, sent: 1, values: { 0: "a" } }]), 0, 1e6);
    expect(blocks.length).toBeGreaterThan(2);
    expect(texts(blocks)).toHaveLength(200_001);
    expect(texts(blocks).at(-1)).toEqual([200_000, "a"]);
  });

  it("are none where nothing came", () => {
    expect(blocksOf(fetched([]), 5, 100)).toEqual([]);
  });
});

describe("the newest blocks", () => {
  const block = (firstOffset: number, count: number, partition = 0): Block => ({
    partition,
    firstOffset,
    count,
    bytes: new Uint8Array(100),
  });
  const firsts = (blocks: readonly Block[]) => blocks.map(({ firstOffset }) => firstOffset);

  it("are found by any offset within them, as many as were asked for", () => {
    const cache = createBlockCache(2, 1000);
    for (const first of [0, 3, 6]) cache.add(block(first, 3));
    cache.add(block(0, 1, 1));
    expect(firsts(cache.read(0, 0, 1000))).toEqual([0, 3, 6]);
    expect(firsts(cache.read(0, 5, 1000))).toEqual([3, 6]);
    expect(firsts(cache.read(0, 4, 1))).toEqual([3]);
    expect(firsts(cache.read(0, 9, 1000))).toEqual([]);
    expect(firsts(cache.read(1, 0, 1000))).toEqual([0]);
  });

  it("are kept up to the bound, of whichever partition the oldest are forgotten", () => {
    const cache = createBlockCache(2, 300);
    for (let i = 0; i < 5000; i++) cache.add(block(i, 1, i % 2));
    expect(cache.bytes).toBe(300);
    expect(firsts(cache.read(1, 4999, 1000))).toEqual([4999]);
    expect(firsts(cache.read(1, 4997, 1000))).toEqual([4997, 4999]);
    expect(cache.read(0, 4996, 1000)).toEqual([]);
  });
});
