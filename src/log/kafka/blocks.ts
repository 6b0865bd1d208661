/** Makes the log's blocks of what a broker gives. */
import { type Block, createBlockBuilder, type RecordParts } from "../../domain/record/block.ts";
import type { RawPartition, RawRecord } from "./internals.ts";

/** Most records of a block. */
const maxBlockRecords = 65_536;
/** Of a record whose producer gave it no value. On this topic nobody removes anything by that. */
const noValue: RecordParts = [];

/**
 * Blocks of the offsets from `from` up to `until`, as far as the fetch has them. An offset that has no record for readers
 * (a transaction's marker, a record of a transaction that was given up, one that compaction took away) is kept as one of
 * no record. A record without a value is one, which cannot be decoded. A block's time is that of its newest record.
 */
export function blocksOf(fetched: RawPartition, from: number, until: number): Block[] {
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
  for (const record of fetched.messages) {
    const offset = Number(record.offset);
    const hidden = isAborted(record, offset) || record.isControlRecord;
    if (offset >= until) break;
    batchEnd = Number(record.batchContext.firstOffset) + record.batchContext.lastOffsetDelta + 1;
    if (offset < next) continue;
    timeMs = Math.max(timeMs, Number(record.timestamp));
    while (next < offset) add(undefined);
    if (hidden) add(undefined);
    else add(record.value === null ? noValue : [record.value]);
  }
  while (next < Math.min(batchEnd, until)) add(undefined);
  finish();
  return blocks;
}

/** Tells, of record after record, whether its transaction was given up. */
function abortions({ abortedTransactions }: RawPartition): (record: RawRecord, offset: number) => boolean {
  if (abortedTransactions.length === 0) return () => false;
  const begun = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) }))
    .sort((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<string>();
  return ({ isControlRecord, batchContext: { producerId, inTransaction } }, offset) => {
    while (begun[0] !== undefined && begun[0].firstOffset <= offset) open.add(begun.shift()!.producerId);
    // A marker, of whichever kind, ends the producer's transaction.
    if (isControlRecord) open.delete(producerId);
    return inTransaction && open.has(producerId);
  };
}
