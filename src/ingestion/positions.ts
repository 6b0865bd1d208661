import type { AppendResult } from "../log/log.ts";

/** For each partition touched the position after the last record, or after the first copy of a duplicate. */
export function positionsOf(result: AppendResult): Map<number, number> {
  const positions = new Map<number, number>();
  for (let i = 0; i < result.offsets.length; i++) {
    const partition = result.partitions[i]!;
    const after = result.offsets[i]! + 1;
    if (after > (positions.get(partition) ?? 0)) positions.set(partition, after);
  }
  return positions;
}
