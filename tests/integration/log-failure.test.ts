import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WriteFailure } from "../../src/log/level/level.ts";
import { limitFileSize } from "../support/file-size-limit.ts";
import {
  createGate,
  identities,
  logRecord,
  makeDirectory,
  openLog,
  readAll,
  removeDirectory,
} from "../support/level-log.ts";
import { expectKept, type LogWriter, startLogWriter } from "../support/log-writer-process.ts";

let directory: string;
let writer: LogWriter | undefined;

beforeEach(async () => {
  directory = await makeDirectory();
});

afterEach(async () => {
  await writer?.kill();
  await removeDirectory(directory);
});

/** The ways in which LevelDB meets the limit: appending to its write-ahead file, writing a table, opening again. */
describe.each([
  { files: "its write-ahead file", writeBufferBytes: 16 * 1024 ** 2, limit: 300_000 },
  { files: "its table files", writeBufferBytes: 64 * 1024, limit: 40_000 },
  { files: "every file", writeBufferBytes: 1024 ** 2, limit: 1 },
])("a log that can no longer write $files", ({ writeBufferBytes, limit }) => {
  it("refuses, and goes on without a restart once it can, with every acknowledged record there once", async () => {
    writer = await startLogWriter(directory, "w", writeBufferBytes);
    const { pid, taken, refusals } = writer;
    const refused = () => refusals.get("UNAVAILABLE LOG_UNAVAILABLE") ?? 0;
    for (let round = 0; round < 3; round++) {
      const before = { taken: taken.size, reopened: writer.reopened, refused: refused() };
      await writer.until(() => taken.size > before.taken + 500);
      await limitFileSize(pid, limit);
      await writer.until(() => refused() > before.refused);
      await limitFileSize(pid, "unlimited");
      await writer.until(() => writer!.reopened > before.reopened);
      const at = taken.size;
      await writer.until(() => taken.size > at + 500);
    }
    // The reader followed through all of it.
    const read = writer.read;
    await writer.until(() => writer!.read > read);
    await writer.kill();
    expect(writer.readerErrors).toEqual([]);
    expect(refusals.size).toBe(1);

    const { log, close } = await openLog(directory);
    try {
      expectKept(await readAll(log), [writer]);
    } finally {
      await close();
    }
  });
});

describe.each([
  { reached: "did not reach", when: "before", kept: 0 },
  { reached: "did reach", when: "after", kept: 1 },
] as const)("a write that fails but $reached the disk", ({ when, kept }) => {
  const unavailable = { code: "UNAVAILABLE", reason: "LOG_UNAVAILABLE" };

  it("is answered so to all who wait, for it or behind it, and nothing is doubled when they come again", async () => {
    const gate = createGate();
    const failures: WriteFailure[] = [];
    const { log, close } = await openLog(directory, {
      partitions: 1,
      wrap: gate.wrap,
      maxGroupEvents: 4,
      onWriteFailure: (failure) => failures.push(failure),
    });
    try {
      await log.append([logRecord("before")]);
      gate.hold();
      const calls = [log.append([logRecord("a")])];
      await vi.waitFor(() => expect(gate.waiting).toBe(1));
      calls.push(log.append([logRecord("a")]), log.append([logRecord("b")]), log.append([logRecord("b")]));
      log.enqueue([logRecord("c")]);
      // The last of these is too large for the group that fills.
      calls.push(log.append(["d", "e", "f", "g"].map((id) => logRecord(id))));
      await vi.waitFor(() => expect(log.stats()).toMatchObject({ duplicates: 2 }));
      gate.fail(when);
      const outcomes = await Promise.allSettled(calls);
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: "rejected", reason: unavailable });
      }
      expect(failures).toMatchObject([{ error: unavailable, refused: 8, lost: 1 }]);
      expect(log.stats()).toMatchObject({ failedWrites: 1, lost: 1, queueEvents: 0, queueBytes: 0 });

      await vi.waitFor(() => expect(log.health().status).toBe("healthy"));
      expect(log.ends()).toEqual([1 + kept]);
      const again = await log.append(["a", "b", "c"].map((id) => logRecord(id)));
      expect([...again.duplicates]).toEqual([kept, 0, 0]);
      expect([...again.offsets]).toEqual([1, 2, 3]);
      expect(await identities(log)).toEqual(["a", "b", "before", "c"].map((id) => `default/alice/${id}`));
    } finally {
      gate.release();
      await close();
    }
  });
});
