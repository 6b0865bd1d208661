/** Builders for tests of the store: a store in a directory of its own, and blocks of a log that never was. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { partitionOf } from "../../src/domain/partition.ts";
import { type Block, createBlockBuilder } from "../../src/domain/record/block.ts";
import { encodeEventField, encodeRecordHead } from "../../src/domain/record/record.ts";
import type { DeadLetterStore } from "../../src/store/dead-letters.ts";
import { createDuckdbStore, type DuckdbStoreOptions } from "../../src/store/duckdb/store.ts";
import type { AskOptions, EventStore, IdKeeper } from "../../src/store/store.ts";
import { temporaryClickhouse, testSecret } from "./clickhouse-store.ts";

export const storePartitions = 4;

export type EventInit = MessageInitShape<typeof EventSchema>;

export interface Sent {
  readonly project?: string;
  readonly receivedUs?: number;
  readonly event: EventInit;
}

/** A user whose events belong on a partition; another for each name. */
export function userOn(partition: number, name = "u", partitions = storePartitions): string {
  for (let i = 0; ; i++) {
    const userId = i === 0 ? name : `${name}+${i}`;
    if (partitionOf(userId, partitions) === partition) return userId;
  }
}

/** Bytes of a record of the log. */
export function recordOf({ project = "p", receivedUs = 1_000_000, event }: Sent): Uint8Array {
  const bytes = toBinary(EventSchema, create(EventSchema, event));
  return Buffer.concat([encodeRecordHead(project, receivedUs, ""), encodeEventField(bytes.length), bytes]);
}

/** A block of records as they stand; undefined: one that is not there. */
export function blockOf(
  partition: number,
  firstOffset: number,
  records: readonly (Uint8Array | undefined)[],
): Block {
  const builder = createBlockBuilder();
  for (const record of records) builder.add(record && [record]);
  return { partition, firstOffset, count: records.length, bytes: builder.build(1_000_000) };
}

/** Cuts events into blocks, each on its user's partition, from offset 0 on. */
export interface Feed {
  /** One block for each partition that gets events, and each event's place, in their order. */
  blocks(sent: readonly Sent[]): { blocks: Block[]; places: { partition: number; offset: number }[] };
}

export function createFeed(partitions = storePartitions): Feed {
  const ends = Array<number>(partitions).fill(0);
  return {
    blocks(sent) {
      const records = ends.map((): Uint8Array[] => []);
      const places = sent.map((one) => {
        const partition = partitionOf(one.event.userId ?? "", partitions);
        records[partition]!.push(recordOf(one));
        return { partition, offset: ends[partition]! + records[partition]!.length - 1 };
      });
      const blocks = records.flatMap((some, partition) => {
        if (some.length === 0) return [];
        const block = blockOf(partition, ends[partition]!, some);
        ends[partition]! += some.length;
        return [block];
      });
      return { blocks, places };
    },
  };
}

export interface TemporaryStore {
  readonly store: EventStore & DeadLetterStore & IdKeeper;
  readonly path: string;
  /** Closes the store and opens it again. */
  reopen(): Promise<EventStore>;
  /** Opens it as one that has everything to apply again, but knows the ids. */
  rewind(): Promise<void>;
  /** Closes the store and removes its files. */
  remove(): Promise<void>;
}

/** Whether the tests that run on either store run on ClickHouse now (vitest.config.ts). */
export const testsClickhouse = process.env.WEIR_TEST_STORE === "clickhouse";

export interface TemporaryStoreOptions extends Partial<Omit<DuckdbStoreOptions, "ids">> {
  /** Drops copies itself, as over Kafka. Default false; a store on ClickHouse always does. */
  readonly dropsCopies?: boolean;
  readonly dedupWindowMs?: number;
}

/** The ids beside a store on DuckDB. */
export function idsBeside(path: string, dedupWindowMs = Number.POSITIVE_INFINITY) {
  return { folder: `${path}.ids`, idSecret: testSecret, dedupWindowMs };
}

/** A real store, bound to log "log", in a directory of its own. */
export async function temporaryStore(options: TemporaryStoreOptions = {}): Promise<TemporaryStore> {
  const { dropsCopies = false, dedupWindowMs = Number.POSITIVE_INFINITY, ...others } = options;
  if (testsClickhouse) {
    const { maxQueries = 4, maxWaitingQueries = 64, keyColumns = {}, now = Date.now } = others;
    return temporaryClickhouse(storePartitions, {
      maxQueries,
      maxWaitingQueries,
      keyColumns,
      now,
      dedupWindowMs,
    });
  }
  const directory = mkdtempSync(join(tmpdir(), "weir-store-"));
  const path = join(directory, "events.duckdb");
  const open = () =>
    createDuckdbStore({ path, ...others, ...(dropsCopies ? { ids: idsBeside(path, dedupWindowMs) } : {}) });
  let store = await open();
  await store.bind("log", storePartitions);
  return {
    get store() {
      return store;
    },
    path,
    async reopen() {
      await store.close();
      store = await open();
      return store;
    },
    async rewind() {
      await store.close();
      rmSync(path);
      store = await open();
      await store.bind("log", storePartitions);
    },
    async remove() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** Options of a question without a deadline. */
export function patiently(): AskOptions {
  return { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY };
}

export function timestamp(us: number) {
  const seconds = Math.floor(us / 1e6);
  return { seconds: BigInt(seconds), nanos: (us - seconds * 1e6) * 1000 };
}
