import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stateKey } from "../../src/domain/record/ranges.ts";
import { openLevelDatabase } from "../../src/log/level/database.ts";
import { blockKey } from "../../src/log/level/keys.ts";
import { LogStartError } from "../../src/log/log.ts";
import { logRecord, makeDirectory, openLog, readAll, removeDirectory } from "../support/level-log.ts";

let directory: string;

beforeEach(async () => {
  directory = await makeDirectory();
});

afterEach(() => removeDirectory(directory));

async function refusal(opening: Promise<unknown>): Promise<string> {
  const error = await opening.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(LogStartError);
  return (error as Error).message;
}

describe("opening a log", () => {
  it("finds the same log again, and another in another directory", async () => {
    const first = await openLog(directory);
    await first.close();
    const again = await openLog(directory);
    await again.close();
    expect(again.log.logId).toBe(first.log.logId);
    expect(again.log.logId).toMatch(/^[0-9a-f]{32}$/);

    const elsewhere = await makeDirectory();
    const other = await openLog(elsewhere);
    await other.close();
    await removeDirectory(elsewhere);
    expect(other.log.logId).not.toBe(first.log.logId);
  });

  it("is refused in one line while another has it", async () => {
    const first = await openLog(directory);
    expect(await refusal(openLog(directory))).toBe(
      `${directory} is in use by another process: a data directory serves one at a time`,
    );
    await first.close();
    await (await openLog(directory)).close();
  });

  it("is refused with another number of partitions, naming the right one", async () => {
    await (await openLog(directory, { partitions: 4 })).close();
    expect(await refusal(openLog(directory, { partitions: 8 }))).toMatch(
      /with 4 partitions and cannot be used with 8: say 4, /,
    );
    await (await openLog(directory, { partitions: 4 })).close();
  });

  it.each([0, 1025, 1.5])("is refused with %d partitions", async (partitions) => {
    await expect(openLog(directory, { partitions })).rejects.toThrow(RangeError);
  });

  it("is refused where no directory can be made", async () => {
    expect(await refusal(openLog("/dev/null/log"))).toMatch(/^\/dev\/null\/log: the log cannot be opened: /);
  });

  it("is refused when part of its identity is missing", async () => {
    const { database, log } = await openLog(directory);
    await log.close();
    await database.delete(stateKey("secret/ids"));
    await database.close();
    expect(await refusal(openLog(directory))).toMatch(/the log is broken/);
  });

  it("is refused when the last block of a partition is broken", async () => {
    const { database, log } = await openLog(directory, { partitions: 1 });
    await log.append([logRecord("a")]);
    const [block] = await log.read(0, 0, 1000);
    const broken = block!.bytes.slice();
    broken[broken.length - 1]! ^= 1;
    await log.close();
    await database.put(blockKey(0, 0), broken);
    await database.close();
    expect(await refusal(openLog(directory, { partitions: 1 }))).toMatch(/the log is broken.*CRC/);
  });

  it("is healthy, and says how it stands", async () => {
    const { log, close } = await openLog(directory, { partitions: 1 });
    await log.append([logRecord("a"), logRecord("a")]);
    expect(log.health()).toEqual({ name: "log", status: "healthy", message: "" });
    expect(log.stats()).toMatchObject({
      appended: 1,
      duplicates: 1,
      queueEvents: 0,
      queueBytes: 0,
      groups: 1,
      failedWrites: 0,
      starts: [0],
      ends: [1],
    });
    await close();
  });
});

describe("the database", () => {
  it("refuses everything once closed", async () => {
    const database = await openLevelDatabase({ directory });
    await database.close();
    await database.close();
    const unavailable = { reason: "LOG_UNAVAILABLE" };
    const key = stateKey("a");
    await expect(database.put(key, key)).rejects.toMatchObject(unavailable);
    await expect(database.get(key)).rejects.toMatchObject(unavailable);
    expect(() => database.getSync(key)).toThrow(expect.objectContaining(unavailable));
    expect(() => database.batch()).toThrow(expect.objectContaining(unavailable));
    await expect(database.whenOpen()).rejects.toMatchObject(unavailable);
  });

  it("carries log and state side by side", async () => {
    const { database, log, close } = await openLog(directory);
    await Promise.all([log.append([logRecord("a")]), database.put(stateKey("k"), Buffer.from("v"))]);
    expect(await readAll(log)).toHaveLength(1);
    expect(Buffer.from((await database.get(stateKey("k")))!).toString()).toBe("v");
    await close();
  });
});
