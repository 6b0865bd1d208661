import type { Append, Group } from "../commit/append.ts";
import type { LogRecord } from "../log.ts";
import type { RecentIds } from "./recent-ids.ts";
import { type BatchRecord, recordBytes } from "./record-batch.ts";
import type { RecordEncoder } from "./record-message.ts";

/** What one send takes: records of any partitions. Their offsets are known once it is acknowledged. */
export interface KafkaGroup extends Group {
  readonly records: ReadonlyMap<number, readonly BatchRecord[]>;
  /** Place of an identity in this group, or undefined. */
  find(idHash: string): number | undefined;
  /** @param key of the user, who belongs to the partition */
  add(record: LogRecord, key: Uint8Array, idHash: string, partition: number): number;
  /** The append's next record is answered by the record at this place. */
  claim(append: Append, place: number): void;
  /** Tells the offset of the first record of each partition. */
  acknowledge(firstOffsets: ReadonlyMap<number, number>): void;
}

export interface KafkaGroupOptions {
  readonly maxGroupEvents: number;
  readonly maxGroupBytes: number;
  /** The group ends with the record that brings one partition to so many bytes. */
  readonly maxPartitionBytes: () => number;
  readonly encode: RecordEncoder;
  readonly recent: RecentIds;
}

/** One partition's part. */
interface Part {
  readonly records: BatchRecord[];
  bytes: number;
}

export function createKafkaGroup(options: KafkaGroupOptions): KafkaGroup {
  const { maxGroupEvents, maxGroupBytes, maxPartitionBytes, encode, recent } = options;
  const parts = new Map<number, Part>();
  const records = new Map<number, BatchRecord[]>();
  const places = new Map<string, number>();
  const partitions: number[] = [];
  /** Of each record: how many of its partition stand before it; its offset once that is known. */
  const offsets: number[] = [];
  const receivedMs: number[] = [];
  const claims: { readonly append: Append; readonly index: number; readonly place: number }[] = [];
  const waiting: Append[] = [];
  let largestPart = 0;
  let bytes = 0;
  let durable = false;

  return {
    records,
    waiting,
    get count() {
      return partitions.length;
    },
    get bytes() {
      return bytes;
    },
    get full() {
      return (
        partitions.length >= maxGroupEvents || bytes >= maxGroupBytes || largestPart >= maxPartitionBytes()
      );
    },
    get durable() {
      return durable;
    },
    find: (idHash) => places.get(idHash),
    add(record, key, idHash, partition) {
      let part = parts.get(partition);
      if (part === undefined) {
        part = { records: [], bytes: 0 };
        parts.set(partition, part);
        records.set(partition, part.records);
      }
      const encoded = encode(record, key);
      const size = recordBytes(encoded);
      const place = partitions.length;
      partitions.push(partition);
      offsets.push(part.records.length);
      receivedMs.push(record.receivedMs);
      places.set(idHash, place);
      part.records.push(encoded);
      part.bytes += size;
      largestPart = Math.max(largestPart, part.bytes);
      bytes += size;
      return place;
    },
    claim(append, place) {
      if (append.answer === undefined) return;
      append.answer.partitions[append.next] = partitions[place]!;
      claims.push({ append, index: append.next, place });
    },
    acknowledge(firstOffsets) {
      for (const [place, partition] of partitions.entries()) offsets[place]! += firstOffsets.get(partition)!;
    },
    settle() {
      durable = true;
      for (const { append, index, place } of claims) append.answer!.offsets[index] = offsets[place]!;
      for (const [idHash, place] of places) {
        recent.add(idHash, {
          partition: partitions[place]!,
          offset: offsets[place]!,
          receivedMs: receivedMs[place]!,
        });
      }
    },
  };
}
