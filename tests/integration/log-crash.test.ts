import { expect, it } from "vitest";
import { logRecord, makeDirectory, openLog, readAll, removeDirectory } from "../support/level-log.ts";
import { expectKept, type LogWriter, startLogWriter } from "../support/log-writer-process.ts";

it("keeps, after a kill -9, every acknowledged record once and no group in part", async () => {
  const directory = await makeDirectory();
  const writers: LogWriter[] = [];
  try {
    for (let round = 0; round < 5; round++) {
      // A small write buffer, so that some kills meet a compaction.
      const writer = await startLogWriter(
        directory,
        `r${round}`,
        round % 2 === 0 ? 64 * 1024 : 16 * 1024 ** 2,
      );
      writers.push(writer);
      await writer.until(() => writer.taken.size > 2000 && writer.read > 0);
      await writer.kill();
      expect(writer.readerErrors).toEqual([]);
      expect(writer.refusals.size).toBe(0);

      const { log, close } = await openLog(directory);
      const stored = await readAll(log);
      expectKept(stored, writers);
      // The ids that came with a group are those of its records: each is known, at its place.
      const again = await log.append(
        stored.map(({ identity }) => {
          const [project, userId, id] = identity.split("/");
          return logRecord(id!, { project: project!, userId: userId! });
        }),
      );
      expect(again.duplicateCount).toBe(stored.length);
      expect([...again.offsets]).toEqual(stored.map((s) => s.offset));
      await close();
    }
  } finally {
    await Promise.all(writers.map((writer) => writer.kill()));
    await removeDirectory(directory);
  }
});
