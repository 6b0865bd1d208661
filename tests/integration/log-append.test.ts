import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  identities,
  levelFixture,
  logRecord,
  makeDirectory,
  type OpenLog,
  type OpenLogOptions,
  openLog,
  removeDirectory,
} from "../support/level-log.ts";
import { appendContract } from "../support/log-contract/append.ts";
import { duplicateContract } from "../support/log-contract/duplicates.ts";

describe("the embedded log", () => {
  appendContract(levelFixture);
  duplicateContract(levelFixture, 60);
});

describe("the embedded log, beside what every log promises", () => {
  let directory: string;
  let current: OpenLog | undefined;

  beforeEach(async () => {
    directory = await makeDirectory();
  });

  afterEach(async () => {
    await current?.close();
    current = undefined;
    await removeDirectory(directory);
  });

  async function open(options: OpenLogOptions = {}) {
    await current?.close();
    current = await openLog(directory, options);
    return current.log;
  }

  it("ends a group with the record that reaches its bytes", async () => {
    const flushes: number[] = [];
    const log = await open({ maxGroupBytes: 1000, onFlush: ({ events }) => flushes.push(events) });
    await log.append(Array.from({ length: 6 }, (_, i) => logRecord(`e${i}`, { padding: 400 })));
    expect(flushes).toEqual([3, 3]);
  });

  it("shows readers a record as soon as it is answered", async () => {
    const log = await open();
    await log.append([logRecord("a")]);
    expect(await identities(log)).toEqual(["default/alice/a"]);
  });

  it("tells listeners once for each write", async () => {
    const log = await open();
    let told = 0;
    log.onAppend(() => told++);
    await log.append([logRecord("a"), logRecord("b")]);
    expect(told).toBe(1);
  });

  it("knows a duplicate after it was opened again", async () => {
    let log = await open();
    const first = await log.append([logRecord("a"), logRecord("b")]);
    log = await open();
    const again = await log.append([logRecord("b"), logRecord("c")]);
    expect([...again.duplicates]).toEqual([1, 0]);
    expect(again.offsets[0]).toBe(first.offsets[1]);
    expect(await identities(log)).toHaveLength(3);
  });
});
