import { blockTime } from "../domain/record/block.ts";
import type { LogReader } from "../log/log.ts";

/** How far the store is behind one partition. */
export interface PartitionLag {
  readonly partition: number;
  readonly end: number;
  readonly applied: number;
  /**
   * Age of the oldest block not yet applied, in seconds, or how long the first has been seen to be held back; 0 where
   * there is none.
   */
  readonly seconds: number;
}

/**
 * How far the log is applied, whichever process does it.
 *
 * @param nowMs milliseconds since 1970
 * @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE where the oldest block cannot be read
 */
export function lagOf(log: LogReader, positions: readonly number[], nowMs: number): Promise<PartitionLag[]> {
  const held = log.heldBack?.();
  const durable = durableEnds(log);
  return Promise.all(
    log.ends().map(async (end, partition) => {
      const applied = positions[partition] ?? 0;
      const [oldest] = end > applied ? await log.read(partition, applied, 1) : [];
      const last = Math.max(durable[partition]!, applied);
      const heldMs = last > applied ? held?.get(partition)?.sinceMs : undefined;
      const sinceMs = oldest ? blockTime(oldest.bytes) : (heldMs ?? nowMs);
      return { partition, end: last, applied, seconds: Math.max(0, nowMs - sinceMs) / 1000 };
    }),
  );
}

/** Offset that the log's next record gets in each partition, where readers do not see all before it too. */
export function durableEnds(log: LogReader): number[] {
  const held = log.heldBack?.();
  return log.ends().map((end, partition) => Math.max(end, held?.get(partition)?.end ?? 0));
}

/** Since when the first record of these partitions is held back, in milliseconds since 1970; Infinity where none is. */
export function heldBackSince(log: LogReader, partitions: readonly number[]): number {
  const held = log.heldBack?.();
  return Math.min(...partitions.map((partition) => held?.get(partition)?.sinceMs ?? Infinity));
}
