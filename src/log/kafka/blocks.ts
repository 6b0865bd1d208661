/** Makes the log's blocks of what a broker gives. */
import { type Block, createBlockBuilder, type RecordParts } from "../../domain/record/block.ts";
import type { FetchedRecord } from "./batch-reader.ts";
import type { FetchedPartition } from "./fetch.ts";

/** Most records of a block. */
const maxBlockRecords = 65_536;
/** Of a record whose producer gave it no value. On this topic nobody removes anything by that. */
const noValue: RecordParts = [];

/**
 * Blocks of the offsets from `from` up to `until`, as far as the fetch has them. An offset that has no record for readers
 * (a transaction's marker, a record of a transaction that was given up, one that compaction took away) is kept as one of
 * no record. A record without a value is one, which cannot be decoded. A block's time is that of its newest record.
 */
export function blocksOf(fetched: FetchedPartition, from: number, until: number): Block[] {
  const blocks: Block[] = [];
  const isAborted = abortions(fetched);
  let builder = createBlockBuilder();
  let next = from;
  let timeMs = 0;

  function finish(): void {
    if (builder.count === 0) return;
    const { count } = builder;
    const { partition } = fetched;
    blocks.push({ partition, firstOffset: next - count, count, bytes: builder.build(timeMs) });
    builder = createBlockBuilder();
  }

  function add(parts: RecordParts | undefined): void {
    builder.add(parts);
    next++;
    if (builder.count === maxBlockRecords) finish();
  }

  let batchEnd = from;
  for (const record of fetched.records) {
    const { offset, timestamp, batch } = record;
    const hidden = isAborted(record) || batch.isControl;
    if (offset >= until) break;
    batchEnd = batch.lastOffset + 1;
    if (offset < next) continue;
    timeMs = Math.max(timeMs, timestamp);
    while (next < offset) add(undefined);
    if (hidden) add(undefined);
    else {
      const { value } = record;
      add(value === null ? noValue : [value]);
    }
  }
  while (next < Math.min(batchEnd, until)) add(undefined);
  finish();
  return blocks;
}

/** Tells, of record after record, whether its transaction was given up. */
function abortions({ abortedTransactions }: FetchedPartition): (record: FetchedRecord) => boolean {
  if (abortedTransactions.length === 0) return () => false;
  const begun = [...abortedTransactions].sort((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<bigint>();
  return ({ offset, batch: { producerId, inTransaction, isControl } }) => {
    while (begun[0] !== undefined && begun[0].firstOffset <= offset) open.add(begun.shift()!.producerId);
    // A marker, of whichever kind, ends the producer's transaction.
    if (isControl) open.delete(producerId);
    return inTransaction && open.has(producerId);
  };
}
