import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Consumer } from "../../src/consumer/consumer.ts";
import { type Ages, createUpkeep, type Upkeep } from "../../src/consumer/upkeep.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import {
  applied,
  type Clock,
  eventRecord,
  makeDataDirectory,
  openPipeline,
  type Pipeline,
  removeDataDirectory,
  storedEvents,
  storedIds,
} from "../support/pipeline.ts";
import { timestamp } from "../support/store.ts";

const minute = 60_000;
const start = 1_700_000_000_000;

let directory: string;
let clock: Clock;
let pipeline: Pipeline;
let consumer: Consumer;

beforeEach(async () => {
  directory = await makeDataDirectory();
  clock = { nowMs: start };
});
afterEach(async () => {
  await consumer.stop();
  await pipeline.close();
  await removeDataDirectory(directory);
});

/** @param ages in milliseconds; what is not named is kept for ever */
async function open(ages: Partial<Ages>, logOptions = {}): Promise<Upkeep> {
  pipeline = await openPipeline(directory, { clock, log: logOptions });
  consumer = pipeline.consumer();
  const kept = Number.POSITIVE_INFINITY;
  return createUpkeep({
    log: pipeline.log,
    ids: [pipeline.log.forgetIds],
    store: pipeline.store,
    ages: { rows: kept, ids: kept, log: kept, ...ages },
    logger: createLogger({ level: "silent" }),
    now: () => clock.nowMs,
  });
}

/** Appends one event now, a block of its own. */
async function append(id: string, timestampMs = clock.nowMs): Promise<"new" | "duplicate"> {
  const record = eventRecord({ id, receivedMs: clock.nowMs, timestamp: timestamp(timestampMs * 1000) });
  const { duplicateCount } = await pipeline.log.append([record]);
  return duplicateCount === 0 ? "new" : "duplicate";
}

const first = () => Math.max(...pipeline.log.starts());
const total = () => pipeline.log.ends().reduce((a, b) => a + b);

describe("log retention", () => {
  it("removes blocks that are applied and old, and keeps the rest and the last one", async () => {
    const upkeep = await open({ log: 10 * minute });
    for (const id of ["a", "b", "c"]) {
      await append(id);
      clock.nowMs += 5 * minute;
    }
    // Old enough, but not applied: nothing may go.
    clock.nowMs += 60 * minute;
    await upkeep.run();
    expect(first()).toBe(0);

    consumer.start();
    await applied(pipeline);
    clock.nowMs = start + 17 * minute;
    await upkeep.run();
    expect(first()).toBe(2);

    clock.nowMs += 24 * 60 * minute;
    await upkeep.run();
    expect(first()).toBe(2);
    expect(total()).toBe(3);
    await append("d");
    await applied(pipeline);
    expect(await storedIds(pipeline.store)).toEqual(["a", "b", "c", "d"]);
  });

  it("forgets no id with a block: what was trimmed is still a duplicate, also after a start", async () => {
    const upkeep = await open({ log: minute });
    consumer.start();
    for (const id of ["a", "b", "c"]) await append(id);
    await applied(pipeline);
    clock.nowMs += 2 * minute;
    await upkeep.run();
    expect(first()).toBe(2);

    await consumer.stop();
    await pipeline.close();
    await open({});
    consumer.start();
    expect(first()).toBe(2);
    expect(await append("a")).toBe("duplicate");
    expect(await storedIds(pipeline.store)).toEqual(["a", "b", "c"]);
  });
});

describe("the window of duplicates", () => {
  const window = 10 * minute;

  it("forgets an id once its received time is older, and not before", async () => {
    const upkeep = await open({ ids: window }, { dedupWindowMs: window });
    consumer.start();
    expect(await append("a")).toBe("new");
    clock.nowMs += window;
    await upkeep.run();
    expect(await append("a")).toBe("duplicate");
    clock.nowMs += 1;
    expect(await append("a")).toBe("new");
    expect(await append("a")).toBe("duplicate");
    await applied(pipeline);
    expect(await storedIds(pipeline.store)).toEqual(["a", "a"]);
  });

  it("frees the ids that are forgotten, and no others", async () => {
    const upkeep = await open({ ids: window }, { dedupWindowMs: window });
    for (let i = 0; i < 20; i++) await append(`old-${i}`);
    clock.nowMs += window / 2;
    for (let i = 0; i < 10; i++) await append(`young-${i}`);
    clock.nowMs += window / 2 + 1;
    const forgotten = pipeline.log.forgetIds(clock.nowMs - window);
    expect(await forgotten).toBe(20);
    await upkeep.run();
    expect(await append("young-3")).toBe("duplicate");
    expect(await append("old-3")).toBe("new");
  });
});

describe("row retention", () => {
  it("removes rows by their timestamp, whenever they came", async () => {
    const upkeep = await open({ rows: 60 * minute });
    consumer.start();
    await append("old", clock.nowMs - 61 * minute);
    await append("at the bound", clock.nowMs - 60 * minute);
    await append("young", clock.nowMs - 59 * minute);
    await applied(pipeline);
    await upkeep.run();
    expect(await storedIds(pipeline.store)).toEqual(["at the bound", "young"]);
    expect(pipeline.store.stats()).toMatchObject({ rows: 2 });

    clock.nowMs += 2 * minute;
    await upkeep.run();
    expect(await storedIds(pipeline.store)).toEqual([]);
    // The id is remembered all the same.
    expect(await append("young")).toBe("duplicate");
  });

  it("is a project's own where it has one, and else the server's", async () => {
    const byProject = new Map([
      ["default", 60 * minute],
      ["short", 10 * minute],
      ["forever", Number.POSITIVE_INFINITY],
    ]);
    let own: typeof byProject | undefined;
    const upkeep = await open({ rows: 60 * minute, rowsByProject: () => own });
    consumer.start();
    for (const project of byProject.keys()) {
      for (const age of [5, 30, 90]) {
        const id = `${project}-${age}`;
        const event = { id, timestamp: timestamp((clock.nowMs - age * minute) * 1000) };
        await pipeline.log.append([eventRecord({ ...event, project, receivedMs: clock.nowMs })]);
      }
    }
    await applied(pipeline);
    own = byProject;
    await upkeep.run();
    const left = async (of: string) => (await storedEvents(pipeline.store, of)).map(({ id }) => id).sort();
    expect(await left("default")).toEqual(["default-30", "default-5"]);
    expect(await left("short")).toEqual(["short-5"]);
    expect(await left("forever")).toEqual(["forever-30", "forever-5", "forever-90"]);
  });

  it("removes nothing by default", async () => {
    const upkeep = await open({});
    consumer.start();
    for (const id of ["a", "b"]) await append(id, start - 40 * 365 * 24 * 60 * minute);
    await applied(pipeline);
    clock.nowMs += 10 * 365 * 24 * 60 * minute;
    await upkeep.run();
    expect(await storedIds(pipeline.store)).toEqual(["a", "b"]);
    expect(first()).toBe(0);
    expect(await append("a")).toBe("duplicate");
  });
});

it("goes on with the other tasks when one fails, and does that one in the next round", async () => {
  const upkeep = await open({ log: minute, rows: minute });
  consumer.start();
  for (const id of ["a", "b"]) await append(id);
  await applied(pipeline);
  clock.nowMs += 2 * minute;
  const failing = createUpkeep({
    log: { trim: () => Promise.reject(new Error("not now")) },
    ids: [],
    store: pipeline.store,
    ages: { rows: minute, ids: Number.POSITIVE_INFINITY, log: minute },
    logger: createLogger({ level: "silent" }),
    now: () => clock.nowMs,
  });
  await failing.run();
  expect(await storedIds(pipeline.store)).toEqual([]);
  expect(first()).toBe(0);
  await upkeep.run();
  expect(first()).toBe(1);
});
