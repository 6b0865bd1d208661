import { blockTime } from "../domain/record/block.ts";
import type { LogReader } from "../log/log.ts";

/** How far the store is behind one partition. */
export interface PartitionLag {
  readonly partition: number;
  readonly end: number;
  readonly applied: number;
  /** Age of the oldest block not yet applied, in seconds; 0 where there is none. */
  readonly seconds: number;
}

/**
 * How far the log is applied, whichever process does it.
 *
 * @param nowMs milliseconds since 1970
 * @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE where the oldest block cannot be read
 */
export function lagOf(log: LogReader, positions: readonly number[], nowMs: number): Promise<PartitionLag[]> {
  return Promise.all(
    log.ends().map(async (end, partition) => {
      const applied = positions[partition] ?? 0;
      const [oldest] = end > applied ? await log.read(partition, applied, 1) : [];
      const seconds = oldest ? Math.max(0, nowMs - blockTime(oldest.bytes)) / 1000 : 0;
      return { partition, end: Math.max(end, applied), applied, seconds };
    }),
  );
}
