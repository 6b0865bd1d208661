/**
 * How a place in a partition is known again: by the batch that stands right before it. A log that has lost its tail and
 * has grown beyond it again, or a topic that was made anew, has another batch there or none. The leader's epoch alone does
 * not tell: a cluster that is restored from an older copy gives the same epochs again.
 */
import type { FetchedRecord } from "./batch-reader.ts";

export interface Mark {
  /** Offset behind the last of the records that were read or acknowledged: the place. */
  readonly end: number;
  /** Of the batch that holds the record before it: offset of its first record … */
  readonly firstOffset: number;
  /** … who sent it, and as which of its own to the partition, as decimal text, -1 of a producer that does not number … */
  readonly producerId: string;
  readonly sequence: number;
  /** … and when brokers took it, in milliseconds since 1970; -1 where they did not tell. */
  readonly timeMs: number;
}

/** The mark of a place, where the batch before it is among these records. */
export function markBefore(records: readonly FetchedRecord[], end: number): Mark | undefined {
  const batch = records.findLast(
    ({ batch: { firstOffset, lastOffset } }) => firstOffset < end && end <= lastOffset + 1,
  )?.batch;
  if (batch === undefined) return undefined;
  return {
    end,
    firstOffset: batch.firstOffset,
    producerId: String(batch.producerId),
    sequence: batch.firstSequence,
    timeMs: batch.maxTimestamp,
  };
}

export function isSameBatch(one: Mark, other: Mark): boolean {
  return (
    one.firstOffset === other.firstOffset &&
    one.producerId === other.producerId &&
    one.sequence === other.sequence &&
    (one.timeMs === other.timeMs || one.timeMs < 0 || other.timeMs < 0)
  );
}

/** Marks of a log's partitions by their place. */
export interface Marks {
  add(partition: number, mark: Mark): void;
  at(partition: number, end: number): Mark | undefined;
}

/** Most marks of all partitions, and fewest of each. */
const bounds = { all: 65_536, each: 16 };

/** Keeps the latest of each partition. */
export function createMarks(partitions: number): Marks {
  const most = Math.max(bounds.each, Math.floor(bounds.all / partitions));
  const kept = Array.from({ length: partitions }, () => new Map<number, Mark>());
  return {
    add(partition, mark) {
      const own = kept[partition]!;
      own.delete(mark.end);
      own.set(mark.end, mark);
      if (own.size > most) own.delete(own.keys().next().value!);
    },
    at: (partition, end) => kept[partition]?.get(end),
  };
}
