/** A consumer that lags reads the next batch while one is applied; what it then applies is exact whatever became of that one. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Consumer } from "../../src/consumer/consumer.ts";
import { WeirError } from "../../src/domain/errors.ts";
import type { Block } from "../../src/domain/record/block.ts";
import type { LogReader } from "../../src/log/log.ts";
import type { EventStore } from "../../src/store/store.ts";
import {
  appendEvents,
  applied,
  makeDataDirectory,
  openPipeline,
  type Pipeline,
  removeDataDirectory,
  storedIds,
} from "../support/pipeline.ts";

let directory: string;
let pipeline: Pipeline;
let consumer: Consumer;

beforeEach(async () => {
  directory = await makeDataDirectory();
  pipeline = await openPipeline(directory);
});
afterEach(async () => {
  await consumer.stop();
  await pipeline.close();
  await removeDataDirectory(directory);
});

/** The log, which tells of each read; the read waits for what `onRead` answers. */
function watched(onRead: (partition: number, offset: number) => Promise<void> | void): LogReader {
  const { log } = pipeline;
  return {
    ...log,
    async read(partition, offset, maxBytes) {
      await onRead(partition, offset);
      return log.read(partition, offset, maxBytes);
    },
  };
}

/** The store, with another way to apply. */
function withApply(apply: EventStore["apply"]): EventStore {
  const { store } = pipeline;
  return {
    ...store,
    get logId() {
      return store.logId;
    },
    get version() {
      return store.version;
    },
    apply,
  };
}

/** Whether a read begins behind the blocks. */
function isBehind(blocks: readonly Block[], partition: number, offset: number): boolean {
  return blocks.some((block) => block.partition === partition && offset === block.firstOffset + block.count);
}

describe("a consumer that lags", () => {
  it("reads the next batch while one is applied", async () => {
    const ids = await appendEvents(pipeline.log, "before", 300);
    let applying: readonly Block[] = [];
    let onReadAhead: () => void = () => {};
    const log = watched((partition, offset) => {
      if (isBehind(applying, partition, offset)) onReadAhead();
    });
    const store = withApply(async (blocks) => {
      const readAhead = new Promise<void>((resolve) => {
        onReadAhead = resolve;
      });
      applying = blocks;
      const ends = new Map(blocks.map((block) => [block.partition, block.firstOffset + block.count]));
      const left = log.ends().some((end, partition) => end > (ends.get(partition) ?? end));
      // Else nothing is left to be read.
      if (left) await readAhead;
      applying = [];
      return pipeline.store.apply(blocks);
    });
    consumer = pipeline.consumer({ log, store, batchBytes: 1 });
    consumer.start();
    await applied(pipeline);
    expect(await storedIds(pipeline.store)).toEqual([...ids].sort());
    expect(consumer.figures().batches).toBeGreaterThan(3);
  });

  it("applies a batch that failed again, and what follows once", async () => {
    const ids = await appendEvents(pipeline.log, "before", 300);
    let calls = 0;
    const store = withApply(async (blocks) => {
      calls++;
      // Both before and after it is written: the answer alone is lost then.
      if (calls % 3 === 0) throw new WeirError("UNAVAILABLE", "STORE_UNAVAILABLE", "before");
      const result = await pipeline.store.apply(blocks);
      if (calls % 3 === 1) throw new WeirError("UNAVAILABLE", "STORE_UNAVAILABLE", "after");
      return result;
    });
    consumer = pipeline.consumer({ store, batchBytes: 1 });
    consumer.start();
    await applied(pipeline);
    await vi.waitFor(() => expect(consumer.health()).toMatchObject({ status: "healthy" }));
    expect(await storedIds(pipeline.store)).toEqual([...ids].sort());
    expect(consumer.figures().errors).toBeGreaterThan(1);
  });

  it("leaves out what it read ahead of a partition that was taken away meanwhile", async () => {
    await appendEvents(pipeline.log, "before", 300);
    let partitions: readonly number[] = pipeline.log
      .ends()
      .flatMap((end, partition) => (end > 0 ? [partition] : []));
    const [lost] = partitions;
    const batches: (readonly Block[])[] = [];
    const store = withApply(async (blocks) => {
      batches.push(blocks);
      partitions = partitions.filter((partition) => partition !== lost);
      return pipeline.store.apply(blocks);
    });
    const assignment = { partitions: () => partitions, onChange: () => () => {} };
    consumer = pipeline.consumer({ store, assignment, batchBytes: 1 });
    consumer.start();
    const ends = () => pipeline.log.ends().filter((_, partition) => partitions.includes(partition));
    await vi.waitFor(() => {
      expect(pipeline.store.positions().filter((_, partition) => partitions.includes(partition))).toEqual(
        ends(),
      );
    });
    const applies = batches.map((blocks) => blocks.some(({ partition }) => partition === lost));
    expect(applies.slice(0, 2)).toEqual([true, false]);
    expect(applies.lastIndexOf(true)).toBe(0);
  });

  it("does not wait for what is being read ahead when it stops", async () => {
    await appendEvents(pipeline.log, "before", 300);
    let applying: readonly Block[] = [];
    const { promise: reading, resolve: onReadAhead } = Promise.withResolvers<void>();
    const log = watched((partition, offset) => {
      if (!isBehind(applying, partition, offset)) return;
      onReadAhead();
      return new Promise<never>(() => {});
    });
    const store = withApply((blocks) => {
      applying = blocks;
      return pipeline.store.apply(blocks);
    });
    consumer = pipeline.consumer({ log, store, batchBytes: 1 });
    consumer.start();
    await reading;
    await consumer.stop();
    expect(consumer.figures()).toMatchObject({ batches: 1, errors: 0 });
  });
});
