import { symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Consumer } from "../../src/consumer/consumer.ts";
import { lagOf } from "../../src/consumer/lag.ts";
import { BrokenBlockError } from "../../src/domain/record/block.ts";
import { blockKey } from "../../src/log/level/keys.ts";
import {
  appendEvents,
  applied,
  type Clock,
  eventRecord,
  makeDataDirectory,
  openPipeline,
  type Pipeline,
  removeDataDirectory,
  storedIds,
} from "../support/pipeline.ts";

let directory: string;
let clock: Clock;
let pipeline: Pipeline;
let consumer: Consumer;

beforeEach(async () => {
  directory = await makeDataDirectory();
  clock = { nowMs: 1_700_000_000_000 };
  pipeline = await openPipeline(directory, { clock });
  consumer = pipeline.consumer();
});
afterEach(async () => {
  await consumer.stop();
  await pipeline.close();
  await removeDataDirectory(directory);
});

const lags = () => lagOf(pipeline.log, pipeline.store.positions(), clock.nowMs);

/** Closes everything in the server's order, and opens it again. */
async function reopen(): Promise<void> {
  await consumer.stop();
  await pipeline.close();
  pipeline = await openPipeline(directory, { clock });
  consumer = pipeline.consumer();
}

/** Closes the pipeline and opens it with the log changed by `change`. */
async function changeLog(change: (database: Pipeline["database"]) => Promise<void>): Promise<void> {
  await change(pipeline.database);
  await reopen();
}

describe("the consumer", () => {
  it("applies the log as it grows", async () => {
    consumer.start();
    const ids: string[] = [];
    for (let round = 0; round < 5; round++) {
      ids.push(...(await appendEvents(pipeline.log, `round${round}`, 50)));
      await applied(pipeline);
      expect(await storedIds(pipeline.store)).toEqual([...ids].sort());
    }
    expect(consumer.figures()).toMatchObject({ applied: 250, errors: 0, deadLetters: 0, duplicates: 0 });
    expect(consumer.health()).toMatchObject({ status: "healthy" });
  });

  it("applies what was there before it started, in as many batches as its size asks for", async () => {
    const ids = await appendEvents(pipeline.log, "before", 300);
    consumer = pipeline.consumer({ batchBytes: 1 });
    consumer.start();
    await applied(pipeline);
    expect(await storedIds(pipeline.store)).toEqual([...ids].sort());
    expect(consumer.figures().batches).toBeGreaterThan(10);
  });

  it("tells who waits as soon as a step is applied", async () => {
    const seen: number[] = [];
    const forget = consumer.onApplied(() => seen.push(consumer.positions().reduce((a, b) => a + b)));
    consumer.start();
    await appendEvents(pipeline.log, "one", 10);
    await vi.waitFor(() => expect(seen.at(-1)).toBe(10));
    forget();
    const { length } = seen;
    await appendEvents(pipeline.log, "two", 10);
    await applied(pipeline);
    expect(seen).toHaveLength(length);
  });

  it("applies each event once, however often it is stopped and the files are opened anew", async () => {
    const ids: string[] = [];
    for (let round = 0; round < 6; round++) {
      consumer.start();
      const appending = appendEvents(pipeline.log, `round${round}`, 200);
      const least = 10 * (round + 1);
      await vi.waitFor(() => expect(consumer.figures().applied).toBeGreaterThanOrEqual(least), {
        interval: 1,
        timeout: 20_000,
      });
      // In the middle of it.
      await consumer.stop();
      ids.push(...(await appending));
      if (round % 2 === 0) await reopen();
      else consumer = pipeline.consumer();
    }
    consumer.start();
    await applied(pipeline);
    expect(await storedIds(pipeline.store)).toEqual(ids.sort());
    expect(pipeline.store.stats()).toMatchObject({ rows: 1200, users: 13 });
  });

  it("says how far behind it is at each moment, in events and in seconds", async () => {
    const lag = async () => {
      const partitions = await lags();
      return {
        events: partitions.reduce((sum, { end, applied }) => sum + end - applied, 0),
        seconds: Math.max(...partitions.map(({ seconds }) => seconds)),
      };
    };
    expect(await lag()).toEqual({ events: 0, seconds: 0 });
    await pipeline.log.append([eventRecord({ id: "a" })]);
    clock.nowMs += 5000;
    await pipeline.log.append([eventRecord({ id: "b" }), eventRecord({ id: "c", userId: "bob" })]);
    clock.nowMs += 2000;
    expect(await lag()).toEqual({ events: 3, seconds: 7 });
    const behind = (await lags()).filter(({ seconds }) => seconds > 0);
    expect(behind.map(({ end, applied, seconds }) => [end, applied, seconds]).sort()).toEqual([
      [1, 0, 2],
      [2, 0, 7],
    ]);
    consumer.start();
    await applied(pipeline);
    expect(await lag()).toEqual({ events: 0, seconds: 0 });
    await vi.waitFor(() => expect(consumer.pendingSeconds()).toBe(0));

    await consumer.stop();
    await pipeline.log.append([eventRecord({ id: "d" })]);
    clock.nowMs += 1000;
    expect(await lag()).toEqual({ events: 1, seconds: 1 });
  });
});

describe("a log that cannot be read for a while", () => {
  it("does not hold up a stop", async () => {
    await pipeline.log.append([eventRecord({ id: "a" })]);
    const reads: number[] = [];
    const log = {
      ...pipeline.log,
      read: (partition: number) => new Promise<never>(() => reads.push(partition)),
    };
    const waiting = pipeline.consumer({ log });
    waiting.start();
    await vi.waitFor(() => expect(reads).toHaveLength(1));
    await waiting.stop();
    expect(waiting.figures()).toMatchObject({ applied: 0, errors: 0 });
  });
});

describe("a record that cannot become a row", () => {
  it("becomes a dead letter with its reason, and the partition goes on", async () => {
    consumer.start();
    const before = eventRecord({ id: "before" });
    const undecodable = { ...before, id: "undecodable", value: [Uint8Array.of(0xff, 0xff)] };
    const invalid = eventRecord({ id: "invalid", properties: { ["k".repeat(200)]: "v" } });
    await pipeline.log.append([before, undecodable, invalid, eventRecord({ id: "after" })]);
    await applied(pipeline);
    expect(await storedIds(pipeline.store)).toEqual(["after", "before"]);
    expect(consumer.figures()).toMatchObject({ applied: 2, deadLetters: 2, errors: 0 });
    expect(consumer.health()).toMatchObject({ status: "healthy" });

    // Nor does it come again.
    await reopen();
    consumer.start();
    await pipeline.log.append([eventRecord({ id: "later" })]);
    await applied(pipeline);
    expect(await storedIds(pipeline.store)).toEqual(["after", "before", "later"]);
    expect(consumer.figures()).toMatchObject({ applied: 1, deadLetters: 0 });
  });
});

describe("a log that is broken", () => {
  async function stopsWith(message: RegExp, applied: readonly string[]): Promise<void> {
    // One block at a time, so that what is before the broken one is applied.
    consumer = pipeline.consumer({ batchBytes: 1 });
    consumer.start();
    await vi.waitFor(() => expect(consumer.health()).toMatchObject({ status: "unhealthy" }));
    expect(consumer.health().message).toMatch(message);
    expect(await storedIds(pipeline.store)).toEqual(applied);
    expect(consumer.figures().errors).toBe(1);

    // More of the log does not make it pass over the place.
    await pipeline.log.append([eventRecord({ id: "more" })]);
    await expect(
      pipeline.store.apply(
        await pipeline.log.read(partition(), pipeline.store.positions()[partition()]!, 1e6),
      ),
    ).rejects.toThrow(BrokenBlockError);
    expect(await storedIds(pipeline.store)).toEqual(applied);
    expect((await lags()).reduce((sum, p) => sum + p.end - p.applied, 0)).toBe(3);
  }

  const partition = () => pipeline.log.ends().findIndex((end) => end > 0);

  beforeEach(async () => {
    for (const id of ["a", "b", "c"]) await pipeline.log.append([eventRecord({ id })]);
  });

  it("stops the consumer at a damaged block, which says so", async () => {
    await changeLog(async (database) => {
      const key = blockKey(partition(), 1);
      const block = Uint8Array.from((await database.get(key))!);
      block[block.length - 1]! ^= 1;
      await database.put(key, block);
    });
    await stopsWith(/^stopped at a broken block: .*CRC/, ["a"]);
  });

  it("stops the consumer at a gap, which says so", async () => {
    await changeLog((database) => database.delete(blockKey(partition(), 1)));
    await stopsWith(/^stopped at a broken block: partition \d+: the block at 2 does not follow on offset 1/, [
      "a",
    ]);
  });
});

describe("a store that cannot be written", () => {
  /** Its write-ahead file, made with the first write after an opening, would have to be in a folder that is not there. */
  const preventWrites = () => symlink(join(directory, "nowhere", "wal"), join(directory, "store.duckdb.wal"));
  const allowWrites = () => unlink(join(directory, "store.duckdb.wal"));

  it("is waited for, and gets every event once when it can", async () => {
    const events: string[] = [];
    consumer.start();
    events.push(...(await appendEvents(pipeline.log, "before", 20)));
    await applied(pipeline);
    await consumer.stop();
    await reopen();
    await preventWrites();
    consumer.start();
    events.push(...(await appendEvents(pipeline.log, "meanwhile", 20)));
    await vi.waitFor(() => expect(consumer.figures().errors).toBeGreaterThan(3), { timeout: 20_000 });
    expect(consumer.health()).toMatchObject({
      status: "degraded",
      message: expect.stringMatching(/^waiting for the store: /),
    });
    expect((await lags()).reduce((sum, p) => sum + p.end - p.applied, 0)).toBe(20);
    expect(consumer.figures().applied).toBe(0);

    await allowWrites();
    await applied(pipeline);
    await vi.waitFor(() => expect(consumer.health()).toMatchObject({ status: "healthy" }));
    expect(await storedIds(pipeline.store)).toEqual(events.sort());
    await reopen();
    expect(await storedIds(pipeline.store)).toEqual(events);
  });

  it.each([
    ["while it waits", 1],
    ["in the middle of an attempt", 0],
  ])("does not hold up a stop %s", async (_, errors) => {
    await reopen();
    await preventWrites();
    // Longer than a test may take.
    consumer = pipeline.consumer({ backoffMs: { least: 1e9, most: 1e9 } });
    consumer.start();
    await pipeline.log.append([eventRecord({ id: "a" })]);
    await vi.waitFor(() => expect(consumer.figures().errors).toBe(errors));
    await consumer.stop();
    await allowWrites();
    consumer = pipeline.consumer();
    consumer.start();
    await applied(pipeline);
    expect(await storedIds(pipeline.store)).toEqual(["a"]);
  });
});
