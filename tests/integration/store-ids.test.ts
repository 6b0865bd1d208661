/** The ids of a store on DuckDB, beside it: crashes between them and the rows, and what does not belong together. */
import { cpSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createIdHasher } from "../../src/domain/ids.ts";
import { createFlatRecordReader } from "../../src/domain/record/flat-record.ts";
import { sortOut } from "../../src/store/apply/copies.ts";
import { createForgetting } from "../../src/store/apply/forgetting.ts";
import { decodeBlocks } from "../../src/store/apply/rows.ts";
import { openIdTable } from "../../src/store/duckdb/id-table.ts";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import { StoreStartError } from "../../src/store/store.ts";
import { randomOf } from "../support/clickhouse/faults.ts";
import { testSecret } from "../support/clickhouse-store.ts";
import { type CopiedLog, crashLog, makeCopiedLog } from "../support/copied-log.ts";
import { limitFileSize } from "../support/file-size-limit.ts";
import { blockOf, idsBeside, patiently, recordOf, userOn } from "../support/store.ts";
import { type StoreWriter, startStoreWriter } from "../support/store-writer-process.ts";

const runs = Number(process.env.WEIR_RANDOM_SETS ?? 60);

let directory: string;
let path: string;
let writer: StoreWriter | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-ids-"));
  path = join(directory, "events.duckdb");
});
afterEach(async () => {
  await writer?.kill();
  writer = undefined;
  rmSync(directory, { recursive: true });
});

const open = () => createDuckdbStore({ path, ids: idsBeside(path) });
const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);

/** Expects of the log what is before the store's positions; then applies the rest, and expects all of it. */
async function expectExact({ records, kept, dead }: CopiedLog): Promise<void> {
  const store = await open();
  const check = async () => {
    const positions = store.positions();
    const question = { kind: "events", selection: { project: "p" }, limit: 1_000_000 } as const;
    const { events } = await store.ask(question, patiently());
    const letters = await store.deadLetters({ projects: ["p", ""], limit: 1_000_000 }, patiently());
    for (const [partition, position] of positions.entries()) {
      const before = (offsets: ReadonlySet<number>) => sorted(offsets).filter((offset) => offset < position);
      const of = (rows: readonly { partition: number; offset: number }[]) =>
        sorted(rows.filter((row) => row.partition === partition).map(({ offset }) => offset));
      expect(of(events)).toEqual(before(kept[partition]!));
      expect(of(letters)).toEqual(before(dead[partition]!));
    }
  };
  await check();
  const rest = store
    .positions()
    .map((from, partition) => blockOf(partition, from, records[partition]!.slice(from)));
  await store.apply(rest);
  expect(store.positions()).toEqual(records.map(({ length }) => length));
  await check();
  await store.close();
}

const anySeed = () => String(Math.floor(Math.random() * 2 ** 32));

it("lets every event count once, wherever the process is killed", async () => {
  const seed = anySeed();
  for (let round = 0; round < 4; round++) {
    const current = startStoreWriter(path, "copies-writer.ts", seed);
    writer = current;
    await current.until(() => current.applied >= 2 + round * 5);
    // Not a wait for anything: it only moves the kill to another point of a call.
    await setTimeout(round * 3);
    await current.kill();
    expect(current.refused).toBe(0);
  }
  await expectExact(crashLog(seed));
});

it("lets every event count once where the process is killed between ids and rows", async () => {
  const seed = anySeed();
  // The rows' write-ahead file is larger than that of the ids, and comes to its limit first.
  const current = startStoreWriter(path, "copies-writer.ts", seed, "300000");
  writer = current;
  await current.until(() => current.refused === 1);
  await current.kill();
  expect([...current.refusals]).toEqual(["UNAVAILABLE STORE_UNAVAILABLE"]);
  const table = await openIdTable(idsBeside(path).folder);
  const store = await createDuckdbStore({ path });
  const ahead = table.positions.some((position, partition) => position > store.positions()[partition]!);
  await store.close();
  await table.close();
  expect(ahead).toBe(true);
  await expectExact(crashLog(seed));
});

it("goes on without a restart once the ids can be written again", async () => {
  const seed = anySeed();
  const current = startStoreWriter(path, "copies-writer.ts", seed);
  writer = current;
  for (let round = 0; round < 3; round++) {
    const { applied, refused } = current;
    await current.until(() => current.applied >= applied + 2);
    await limitFileSize(current.pid, 1);
    await current.until(() => current.refused > refused);
    await limitFileSize(current.pid, "unlimited");
  }
  const { applied } = current;
  await current.until(() => current.applied > applied);
  await current.kill();
  await expectExact(crashLog(seed));
});

/** Applies a log by the rule, with crashes before and behind the ids, and moved back to its start. */
async function simulate(seed: number): Promise<void> {
  const random = randomOf(seed);
  const partitions = 2;
  const dedupWindowMs = random() < 0.5 ? 60_000 : Number.POSITIVE_INFINITY;
  const forgets = random() < 0.5;
  const size = { partitions, records: 40, ids: 20, spreadMs: 240_000 };
  const log = makeCopiedLog(random, { ...size, dedupWindowMs, inOrder: forgets });
  const folder = join(directory, String(seed));
  const rule = { hashId: createIdHasher(testSecret), dedupWindowMs };
  const decoding = { read: createFlatRecordReader(), foreign: true };
  let table = await openIdTable(folder);
  await table.bind("log", partitions);
  let positions: readonly number[] = [0, 0];
  let rows: { partition: number; offset: number }[] = [];
  let forgetting = createForgetting(dedupWindowMs);

  for (let crashes = true; log.records.some(({ length }, partition) => positions[partition]! < length); ) {
    const blocks = positions.map((from, partition) => {
      const count = Math.floor(random() * 12);
      return blockOf(partition, from, log.records[partition]!.slice(from, from + count));
    });
    const decoded = decodeBlocks(blocks, positions, decoding);
    const { ids, events, deadLetters } = await sortOut(table, rule, decoded);
    const what = crashes ? random() : 1;
    if (what >= 0.1) await table.write(ids, decoded.positions, positions);
    if (what >= 0.3) {
      positions = decoded.positions;
      rows.push(...events, ...deadLetters);
      forgetting.note(decoded.events, decoded.deadLetters);
    } else {
      forgetting = createForgetting(dedupWindowMs);
      if (what < 0.15) {
        await table.close();
        table = await openIdTable(folder);
      }
    }
    if (forgets && random() < 0.3) await table.forget(forgetting.until(Number.POSITIVE_INFINITY), undefined);
    if (crashes && random() < 0.03) {
      positions = [0, 0];
      rows = [];
      forgetting = createForgetting(dedupWindowMs);
      crashes = random() < 0.7;
    }
  }
  await table.close();
  for (let partition = 0; partition < partitions; partition++) {
    const offsets = rows.filter((row) => row.partition === partition).map(({ offset }) => offset);
    expect(sorted(offsets)).toEqual(sorted([...log.kept[partition]!, ...log.dead[partition]!]));
  }
}

it(`keeps what a plain loop keeps, in ${runs} runs of pieces, crashes, forgetting and new beginnings`, async () => {
  await fc.assert(fc.asyncProperty(fc.noShrink(fc.integer()), simulate), { numRuns: runs });
});

/** A store that has applied some events; then something happens to it and its ids. */
async function applied(logId = "log"): Promise<void> {
  const store = await open();
  await store.bind(logId, 1);
  const from = store.positions()[0]!;
  await store.apply([blockOf(0, from, [recordOf({ event: { id: `${from}`, userId: userOn(0, "u", 1) } })])]);
  await store.close();
}

async function refusal(): Promise<string> {
  const error = await open().then(
    (store) => store.close(),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StoreStartError);
  return (error as Error).message;
}

it("refuses ids that are gone, older than the rows, or another log's, in a line", async () => {
  const { folder } = idsBeside(path);
  await applied();
  cpSync(folder, `${folder}.older`, { recursive: true });
  await applied();
  renameSync(folder, `${folder}.kept`);
  expect(await refusal()).toMatch(/has applied partition 0 up to 2, but .*\.ids holds its ids only up to 0/);
  rmSync(folder, { recursive: true });
  renameSync(`${folder}.older`, folder);
  expect(await refusal()).toMatch(/holds its ids only up to 1: copies of stored events would count again/);

  rmSync(folder, { recursive: true });
  renameSync(path, `${path}.kept`);
  await applied("another");
  rmSync(path);
  renameSync(`${path}.kept`, path);
  expect(await refusal()).toMatch(/\.ids holds the ids of log another, not of log log/);
  rmSync(path);
  const store = await open();
  await expect(store.bind("log", 1)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  await store.close();

  rmSync(path);
  rmSync(folder, { recursive: true });
  renameSync(`${folder}.kept`, folder);
  await applied();
});

it("stands with its ids where it skips what the log no longer has", async () => {
  const store = await open();
  await store.bind("log", 1);
  await store.skipTo([5]);
  await store.close();
  const again = await open();
  expect(again.positions()).toEqual([5]);
  await again.close();
});

it("refuses ids that another store has open, in a line", async () => {
  const store = await open();
  const second = createDuckdbStore({ path: join(directory, "second.duckdb"), ids: idsBeside(path) });
  await expect(second).rejects.toThrow(/\.ids is in use by another process/);
  await store.close();
});
