import { type IdHasher, isRemembered } from "../../domain/ids.ts";
import { partitionOfKey } from "../../domain/partition.ts";
import type { Place } from "../commit/writer.ts";
import type { KafkaGroup } from "./group.ts";
import type { RecentIds } from "./recent-ids.ts";

export interface PlacementOptions {
  readonly partitions: number;
  readonly recent: RecentIds;
  readonly hashId: IdHasher;
  /** Milliseconds since its received time after which an id is taken for a new one. */
  readonly dedupWindowMs: number;
  readonly now: () => number;
}

/** The first copy is looked up in the filling group, in the one in flight, then among the ids acknowledged lately. */
export function createPlacement(options: PlacementOptions): Place<KafkaGroup> {
  const { partitions, recent, hashId, dedupWindowMs, now } = options;

  return (append, filling, inFlight) => {
    const { answer, next } = append;
    const record = append.records[next]!;
    const idHash = hashId(record.project, record.userId, record.id);
    const duplicate = () => {
      if (answer === undefined) return;
      answer.duplicates[next] = 1;
      answer.duplicateCount++;
    };
    for (const group of [filling, inFlight]) {
      const place = group?.find(idHash);
      if (group === undefined || place === undefined) continue;
      // The filling group is sent after the one in flight: wait for the later of the two.
      if (append.group !== filling) append.group = group;
      group.claim(append, place);
      duplicate();
      return true;
    }
    const known = recent.get(idHash);
    if (known !== undefined && isRemembered(known.receivedMs, now(), dedupWindowMs)) {
      if (answer !== undefined) {
        answer.partitions[next] = known.partition;
        answer.offsets[next] = known.offset;
      }
      duplicate();
      return true;
    }
    const key = Buffer.from(record.userId);
    filling.claim(append, filling.add(record, key, idHash, partitionOfKey(key, partitions)));
    append.group = filling;
    return false;
  };
}
