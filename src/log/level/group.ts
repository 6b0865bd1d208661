import { type BlockBuilder, createBlockBuilder } from "../../domain/record/block.ts";
import type { Append, Group } from "../commit/append.ts";
import type { LogRecord } from "../log.ts";
import type { LevelDatabase, WriteBatch } from "./database.ts";
import { blockKey, newIdKey, newIdValue, writeIdKey, writeIdValue } from "./keys.ts";

/** What one write brings to the disk: for each partition it touches one block, and the ids of their records. */
export interface LevelGroup extends Group {
  readonly batch: WriteBatch;
  /** Place of an identity in this group, or undefined. */
  find(idHash: string): number | undefined;
  partitionAt(place: number): number;
  offsetAt(place: number): number;
  add(record: LogRecord, idHash: string, partition: number, offset: number): void;
  /** Writes the blocks into the batch; nothing can be added afterwards. */
  seal(madeAtMs: number): void;
}

export interface GroupOptions {
  readonly database: LevelDatabase;
  readonly maxGroupEvents: number;
  readonly maxGroupBytes: number;
  /** Told each partition's new end once the group is on disk. */
  readonly setEnd: (partition: number, end: number) => void;
}

export function createGroup(options: GroupOptions): LevelGroup {
  const { database, maxGroupEvents, maxGroupBytes, setEnd } = options;
  const batch = database.batch();
  const places = new Map<string, number>();
  const partitions: number[] = [];
  const offsets: number[] = [];
  const waiting: Append[] = [];
  const blocks = new Map<number, { firstOffset: number; builder: BlockBuilder }>();
  const ends = new Map<number, number>();
  // The batch copies what it is given, so one key and one value serve for all.
  const idKey = newIdKey();
  const idValue = newIdValue();
  let bytes = 0;
  let durable = false;

  return {
    batch,
    waiting,
    get count() {
      return offsets.length;
    },
    get bytes() {
      return bytes;
    },
    get full() {
      return offsets.length >= maxGroupEvents || bytes >= maxGroupBytes;
    },
    get durable() {
      return durable;
    },
    find: (idHash) => places.get(idHash),
    partitionAt: (place) => partitions[place]!,
    offsetAt: (place) => offsets[place]!,
    add(record, idHash, partition, offset) {
      let block = blocks.get(partition);
      if (block === undefined) {
        block = { firstOffset: offset, builder: createBlockBuilder() };
        blocks.set(partition, block);
      }
      const before = block.builder.byteLength;
      block.builder.add(record.value);
      bytes += block.builder.byteLength - before;
      places.set(idHash, offsets.length);
      partitions.push(partition);
      offsets.push(offset);
      ends.set(partition, offset + 1);
      writeIdKey(idKey, idHash);
      writeIdValue(idValue, partition, offset, record.receivedMs);
      batch.put(idKey, idValue);
    },
    seal(madeAtMs) {
      for (const [partition, { firstOffset, builder }] of blocks) {
        batch.put(blockKey(partition, firstOffset), builder.build(madeAtMs));
      }
      blocks.clear();
    },
    settle() {
      durable = true;
      for (const [partition, end] of ends) setEnd(partition, end);
    },
  };
}
