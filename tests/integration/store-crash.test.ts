import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { limitFileSize } from "../support/file-size-limit.ts";
import { expectExact, type StoreWriter, startStoreWriter } from "../support/store-writer-process.ts";

let directory: string;
let path: string;
let writer: StoreWriter | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-store-"));
  path = join(directory, "events.duckdb");
});
afterEach(async () => {
  await writer?.kill();
  rmSync(directory, { recursive: true });
});

it("holds, after a kill -9, each record before its positions once and none beyond", async () => {
  for (let round = 0; round < 6; round++) {
    const current = startStoreWriter(path);
    writer = current;
    await current.until(() => current.applied >= 5 + round * 8);
    // Not a wait for anything: it only moves the kill to another point of a call.
    await setTimeout(round * 7);
    await current.kill();
    expect(current.refused).toBe(0);
    await expectExact(path, current.positions);
  }
});

it.each([
  ["where the write-ahead file is full", 2_000_000],
  ["where no file takes a byte", 1],
])("refuses %s, and goes on without a restart once it can, each record there once", async (_, limit) => {
  const current = startStoreWriter(path);
  writer = current;
  for (let round = 0; round < 3; round++) {
    const { applied, refused } = current;
    await current.until(() => current.applied >= applied + 3);
    await limitFileSize(current.pid, limit);
    await current.until(() => current.refused > refused);
    await limitFileSize(current.pid, "unlimited");
  }
  const { applied } = current;
  await current.until(() => current.applied >= applied + 3);
  await current.kill();
  expect([...current.refusals]).toEqual(["UNAVAILABLE STORE_UNAVAILABLE"]);
  await expectExact(path, current.positions);
});
