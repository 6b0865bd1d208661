import { type IdHasher, isRemembered } from "../../domain/ids.ts";
import { partitionOf } from "../../domain/partition.ts";
import type { Append } from "../commit/append.ts";
import type { Place } from "../commit/writer.ts";
import type { LevelDatabase } from "./database.ts";
import type { LevelGroup } from "./group.ts";
import { idOffset, idPartition, idReceivedMs, newIdKey, writeIdKey } from "./keys.ts";
import type { Positions } from "./positions.ts";

export interface PlacementOptions {
  readonly database: LevelDatabase;
  readonly positions: Positions;
  readonly partitions: number;
  readonly hashId: IdHasher;
  /** Milliseconds since its received time after which an id is taken for a new one. */
  readonly dedupWindowMs: number;
  readonly now: () => number;
}

/** The first copy is looked up in the filling group, in the one in flight, then in the index. */
export function createPlacement(options: PlacementOptions): Place<LevelGroup> {
  const { database, positions, partitions, hashId } = options;
  const lookupKey = newIdKey();

  function lookUp(idHash: string): Uint8Array | undefined {
    writeIdKey(lookupKey, idHash);
    const stored = database.getSync(lookupKey);
    if (stored === undefined) return undefined;
    return isRemembered(idReceivedMs(stored), options.now(), options.dedupWindowMs) ? stored : undefined;
  }

  return (append, filling, inFlight) => {
    const record = append.records[append.next]!;
    const idHash = hashId(record.project, record.userId, record.id);
    for (const group of [filling, inFlight]) {
      const at = group?.find(idHash);
      if (group === undefined || at === undefined) continue;
      // The filling group is written after the one in flight: wait for the later of the two.
      if (append.group !== filling) append.group = group;
      answer(append, group.partitionAt(at), group.offsetAt(at), true);
      return true;
    }
    const stored = lookUp(idHash);
    if (stored !== undefined) {
      answer(append, idPartition(stored), idOffset(stored), true);
      return true;
    }
    const partition = partitionOf(record.userId, partitions);
    const offset = positions.next[partition]!;
    filling.add(record, idHash, partition, offset);
    positions.next[partition] = offset + 1;
    append.group = filling;
    answer(append, partition, offset, false);
    return false;
  };
}

function answer({ answer, next }: Append, partition: number, offset: number, duplicate: boolean): void {
  if (answer === undefined) return;
  answer.partitions[next] = partition;
  answer.offsets[next] = offset;
  if (!duplicate) return;
  answer.duplicates[next] = 1;
  answer.duplicateCount++;
}
