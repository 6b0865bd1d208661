import type { Message } from "kafkajs";
import type { Append, Group } from "../commit/appends.ts";
import type { LogRecord } from "../log.ts";
import type { RecentIds } from "./recent-ids.ts";
import { encodedBytes, recordMessage } from "./record-message.ts";

/** What one send takes: records of any partitions. Their offsets are known once it is acknowledged. */
export interface KafkaGroup extends Group {
  readonly messages: readonly Message[];
  /** Place of an identity in this group, or undefined. */
  find(idHash: string): number | undefined;
  add(record: LogRecord, idHash: string, partition: number): number;
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
  readonly recent: RecentIds;
}

export function createKafkaGroup(options: KafkaGroupOptions): KafkaGroup {
  const { maxGroupEvents, maxGroupBytes, maxPartitionBytes, recent } = options;
  const messages: Message[] = [];
  const places = new Map<string, number>();
  const partitions: number[] = [];
  /** Of each record: how many of its partition stand before it; its offset once that is known. */
  const offsets: number[] = [];
  const receivedMs: number[] = [];
  const claims: { readonly append: Append; readonly index: number; readonly place: number }[] = [];
  const counts = new Map<number, number>();
  const partitionBytes = new Map<number, number>();
  const waiting: Append[] = [];
  let largestPartition = 0;
  let bytes = 0;
  let durable = false;

  return {
    messages,
    waiting,
    get count() {
      return messages.length;
    },
    get bytes() {
      return bytes;
    },
    get full() {
      return (
        messages.length >= maxGroupEvents || bytes >= maxGroupBytes || largestPartition >= maxPartitionBytes()
      );
    },
    get durable() {
      return durable;
    },
    find: (idHash) => places.get(idHash),
    add(record, idHash, partition) {
      const place = messages.length;
      const size = encodedBytes(record);
      const inPartition = (partitionBytes.get(partition) ?? 0) + size;
      const before = counts.get(partition) ?? 0;
      partitionBytes.set(partition, inPartition);
      counts.set(partition, before + 1);
      largestPartition = Math.max(largestPartition, inPartition);
      bytes += size;
      messages.push(recordMessage(record, partition));
      partitions.push(partition);
      offsets.push(before);
      receivedMs.push(record.receivedMs);
      places.set(idHash, place);
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
