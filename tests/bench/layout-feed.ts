/** The events of `weir generate-data` as blocks of a log, without a server between: what takes minutes takes less. */
import { createHash } from "node:crypto";
import { fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { generateLines } from "../../src/cli/generate/events.ts";
import { partitionOf } from "../../src/domain/partition.ts";
import { type Block, createBlockBuilder } from "../../src/domain/record/block.ts";
import { encodeEventField, encodeRecordHead } from "../../src/domain/record/record.ts";

export interface FeedOptions {
  readonly events: number;
  readonly users: number;
  readonly names: number;
  readonly properties: number;
  readonly days: number;
  readonly seed: number;
  /** Events of one call of apply. */
  readonly batch: number;
  readonly partitions: number;
  /** Offset of each partition's first record. Default 0. */
  readonly starts?: readonly number[];
}

/** The set of issue and docs: 10 million events of 200,000 users, 20 names, 5 properties, 60 days. */
export const standardFeed: FeedOptions = {
  events: 10_000_000,
  users: 200_000,
  names: 20,
  properties: 5,
  days: 60,
  seed: 1,
  batch: 10_000,
  partitions: 8,
};

export const feedStartMs = Date.UTC(2025, 0, 1);

/** Batches in the order of time; each event's id is a UUID. */
export function* feed(options: FeedOptions): Generator<Block[]> {
  const { batch, partitions } = options;
  const ends = options.starts ? [...options.starts] : Array<number>(partitions).fill(0);
  let builders = ends.map(() => createBlockBuilder());
  let made = 0;
  const take = (): Block[] => {
    const blocks: Block[] = [];
    builders.forEach((builder, partition) => {
      if (builder.count === 0) return;
      const firstOffset = ends[partition]!;
      ends[partition] = firstOffset + builder.count;
      blocks.push({ partition, firstOffset, count: builder.count, bytes: builder.build(feedStartMs) });
    });
    builders = ends.map(() => createBlockBuilder());
    return blocks;
  };
  for (const line of generateLines({ ...options, format: "event", startMs: feedStartMs })) {
    const json = JSON.parse(line) as JsonObject & { user_id: string; timestamp: string };
    json.id = uuidOf(made, options.seed);
    const bytes = toBinary(EventSchema, fromJson(EventSchema, json));
    const head = encodeRecordHead("default", Date.parse(json.timestamp) * 1000 + 20_000, "");
    builders[partitionOf(json.user_id, partitions)]!.add([head, encodeEventField(bytes.length), bytes]);
    if (++made % batch === 0) yield take();
  }
  if (made % batch !== 0) yield take();
}

/** A version-4 UUID that looks random and is the same each time. */
function uuidOf(number: number, seed: number): string {
  const hex = createHash("md5").update(`${seed}-${number}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
