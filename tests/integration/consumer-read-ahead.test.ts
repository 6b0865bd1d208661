/** A consumer that lags reads the next batch while one is applied; what it then applies is exact whatever became of that one. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Consumer } from "../../src/consumer/consumer.ts";
import { WeirError } from "../../src/domain/errors.ts";
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

describe("a consumer that lags", () => {
  it("reads the next batch while one is applied", async () => {
    const ids = await appendEvents(pipeline.log, "before", 300);
    let reads = 0;
    let applies = 0;
    const log = watched(() => void reads++);
    const store = withApply(async (blocks) => {
      applies++;
      const ends = new Map(blocks.map((block) => [block.partition, block.firstOffset + block.count]));
      const positions = pipeline.store.positions();
      const left = log.ends().some((end, partition) => end > (ends.get(partition) ?? positions[partition]!));
      // Each read is a batch.
      if (left)
        await vi.waitFor(() => expect(reads).toBeGreaterThan(applies), { interval: 1, timeout: 60_000 });
      return pipeline.store.apply(blocks);
    });
    consumer = pipeline.consumer({ log, store, batchBytes: 1 });
    consumer.start();
    await applied(pipeline);
    expect(await storedIds(pipeline.store)).toEqual([...ids].sort());
    expect(consumer.figures().errors).toBe(0);
    expect(applies).toBeGreaterThan(3);
  });

  it("takes one partition after the other where each has a whole batch, each in its turn", async () => {
    await appendEvents(pipeline.log, "before", 300);
    const behind = pipeline.log.ends().flatMap((end, partition) => (end > 0 ? [partition] : []));
    const batches: number[][] = [];
    const store = withApply((blocks) => {
      batches.push([...new Set(blocks.map(({ partition }) => partition))]);
      return pipeline.store.apply(blocks);
    });
    consumer = pipeline.consumer({ store, batchBytes: 1 });
    consumer.start();
    await applied(pipeline);
    expect(behind.length).toBeGreaterThan(2);
    expect(batches.slice(0, 2 * behind.length)).toEqual(
      [...behind, ...behind].map((partition) => [partition]),
    );
  });

  it("takes all partitions together where they are one batch", async () => {
    await appendEvents(pipeline.log, "before", 300);
    consumer = pipeline.consumer();
    consumer.start();
    await applied(pipeline);
    expect(consumer.figures().batches).toBe(1);
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
    const all = pipeline.log.ends().flatMap((end, partition) => (end > 0 ? [partition] : []));
    const lost = all[0]!;
    let partitions: readonly number[] = all;
    let readsOfLost = 0;
    let appliesOfLost = 0;
    const log = watched((partition) => {
      if (partition === lost) readsOfLost++;
    });
    const store = withApply((blocks) => {
      // The second one is read ahead now.
      if (readsOfLost === 2) partitions = all.filter((partition) => partition !== lost);
      if (blocks.some(({ partition }) => partition === lost)) appliesOfLost++;
      return pipeline.store.apply(blocks);
    });
    const assignment = { partitions: () => partitions, onChange: () => () => {} };
    consumer = pipeline.consumer({ log, store, assignment, batchBytes: 1 });
    consumer.start();
    const kept = (offsets: readonly number[]) => offsets.filter((_, partition) => partition !== lost);
    await vi.waitFor(() => expect(kept(pipeline.store.positions())).toEqual(kept(log.ends())), {
      timeout: 60_000,
    });
    expect(readsOfLost).toBe(2);
    expect(appliesOfLost).toBe(1);
  });

  it("does not wait for what is being read ahead when it stops", async () => {
    await appendEvents(pipeline.log, "before", 300);
    let reads = 0;
    const { promise: reading, resolve: onReadAhead } = Promise.withResolvers<void>();
    const log = watched(() => {
      if (++reads === 1) return;
      onReadAhead();
      return new Promise<never>(() => {});
    });
    consumer = pipeline.consumer({ log, batchBytes: 1 });
    consumer.start();
    await reading;
    await consumer.stop();
    expect(consumer.figures()).toMatchObject({ batches: 1, errors: 0 });
  });
});
