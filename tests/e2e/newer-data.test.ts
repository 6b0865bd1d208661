/** Data directories of a newer format than this version's: refused with one line, and left as they are. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { caughtUp, summary } from "../support/figures.ts";
import { runOn } from "../support/formats/duckdb.ts";
import { oldEvents } from "../support/formats/events.ts";
import { blockKey1, writeLog1 } from "../support/formats/log-1.ts";
import { changeEntry, entriesOf, fileVersion, writeFileVersion } from "../support/formats/newer.ts";
import { fileSettings } from "../support/formats/store-2.ts";
import { writeStore3 } from "../support/formats/store-3.ts";
import { makeDataDirectory, removeDataDirectory } from "../support/pipeline.ts";
import { weir } from "../support/process.ts";
import { refusedStart } from "../support/refused-start.ts";
import { startServer } from "../support/server.ts";

let dataDir: string;
let log: string;
let store: string;
beforeEach(async () => {
  dataDir = await makeDataDirectory();
  [log, store] = [join(dataDir, "log"), join(dataDir, "store.duckdb")];
  const receivedMs = Date.now();
  await writeLog1(log, receivedMs);
  await writeStore3(store, { receivedMs });
});
afterEach(() => removeDataDirectory(dataDir));

const contents = async () => ({ log: await entriesOf(log), store: await readFile(store) });

const writeFormat = (text: string) => changeEntry(log, Buffer.from("slog/format"), Buffer.from(text));
/** The format of the block that a partition ends with, at its first byte. */
async function writeBlockFormat(format: number): Promise<void> {
  const key = blockKey1(6, 0);
  const block = (await changeEntry(log, key, undefined))!;
  block[0] = format;
  await changeEntry(log, key, block);
}
const writeSchema = (change: string) =>
  runOn(store, fileSettings, [
    `UPDATE meta SET value = CAST(value AS INTEGER) ${change} WHERE key = 'schema_version'`,
  ]);

it.each([
  {
    what: "log",
    newer: () => writeFormat("99"),
    older: () => writeFormat("1"),
    line: /^weir serve: the log has format 99, this program reads \d+: run the newer version that wrote it$/,
  },
  {
    what: "block",
    newer: () => writeBlockFormat(99),
    older: () => writeBlockFormat(1),
    line: /^weir serve: the log is broken, .*: block format 99 is not known, this version reads \d+$/,
  },
  {
    what: "store's schema",
    newer: () => writeSchema("+ 1"),
    older: () => writeSchema("- 1"),
    line: /^weir serve: .*store\.duckdb has schema version \d+, this program reads \d+: run the newer version that wrote it$/,
  },
  {
    what: "store's file",
    newer: async () => writeFileVersion(store, 50 + (await fileVersion(store))),
    older: async () => writeFileVersion(store, (await fileVersion(store)) - 50),
    line: /^weir serve: .*store\.duckdb cannot be opened: .*version number \d+, .*between 64 and \d+\.$/,
  },
])("a newer $what is refused, and opened once it is none", async ({ newer, older, line }) => {
  await newer();
  const before = await contents();
  const args = ["--listen", "127.0.0.1:0", "--data-dir", dataDir];
  // A start that is not refused makes it a key.
  const env = { WEIR_BOOTSTRAP_KEY: "the-operators-first-key-of-all" };
  expect(await refusedStart(args, env)).toEqual({ code: 1, line: expect.stringMatching(line) });
  expect(await contents()).toEqual(before);

  await older();
  const server = await startServer({ dataDir });
  await caughtUp(server.url);
  expect((await summary(server.url)).total_events).toBe(String(oldEvents.length));
  expect(await server.stop()).toBe(0);
});

it("no key is put into a newer log", async () => {
  await writeFormat("99");
  const before = await entriesOf(log);
  const args = ["keys", "create", "--project", "default", "--scopes", "query", "--data-dir", dataDir];
  const { code, stdout, stderr } = await weir(args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^weir keys: the log has format 99, this program reads \d+: run the newer version/);
  expect(await entriesOf(log)).toEqual(before);
});
