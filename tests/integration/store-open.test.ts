import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import { StoreStartError } from "../../src/store/store.ts";
import { createFeed, patiently, storePartitions, temporaryStore } from "../support/store.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-store-"));
  path = join(directory, "events.duckdb");
});
afterEach(() => rmSync(directory, { recursive: true }));

async function withDuckdb(statements: readonly string[]): Promise<void> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  for (const statement of statements) await connection.run(statement);
  connection.closeSync();
  instance.closeSync();
}

it("makes a new store, which belongs to no log yet, with its directory", async () => {
  const store = await createDuckdbStore({ path: join(directory, "new", "events.duckdb") });
  expect(store.logId).toBeUndefined();
  expect(store.positions()).toEqual([]);
  expect(store.health()).toEqual({ name: "store", status: "healthy", message: "" });
  await store.close();
});

it("refuses a file of a newer version, and names both versions", async () => {
  await (await createDuckdbStore({ path })).close();
  await withDuckdb(["UPDATE meta SET value = '99' WHERE key = 'schema_version'"]);
  const open = createDuckdbStore({ path });
  await expect(open).rejects.toThrow(StoreStartError);
  await expect(open).rejects.toThrow(/schema version 99, this program reads 3/);
});

it("brings a file of version 2 to this one with its dead letters, whether or not a crash came between", async () => {
  await (await createDuckdbStore({ path })).close();
  await withDuckdb([
    "ALTER TABLE dead_letters DROP COLUMN created_us",
    "ALTER TABLE dead_letters DROP COLUMN replayed_us",
    "INSERT INTO dead_letters VALUES (1, 7, 'p', 'INVALID_EVENT', 'why', 5, '\\x01'::BLOB)",
    "UPDATE meta SET value = '2' WHERE key = 'schema_version'",
  ]);
  for (let start = 0; start < 2; start++) {
    const store = await createDuckdbStore({ path });
    const found = await store.deadLetters({ projects: ["p"], limit: 10 }, patiently());
    expect(found).toEqual([
      {
        partition: 1,
        offset: 7,
        project: "p",
        reason: "INVALID_EVENT",
        message: "why",
        record: Buffer.from([1]),
        createdUs: 5,
      },
    ]);
    await store.close();
  }
});

it("refuses a DuckDB file that is no event store, and leaves it as it is", async () => {
  await withDuckdb(["CREATE TABLE other (a INTEGER)"]);
  const before = readFileSync(path);
  await expect(createDuckdbStore({ path })).rejects.toThrow(/not an event store/);
  expect(readFileSync(path).equals(before)).toBe(true);
});

it("refuses what is no DuckDB file", async () => {
  writeFileSync(path, "hello ".repeat(2000));
  const open = createDuckdbStore({ path });
  await expect(open).rejects.toThrow(StoreStartError);
  await expect(open).rejects.toThrow(/is not a DuckDB file/);
});

it("refuses a file that another process has open, and names the process", async () => {
  const script = `
    const { DuckDBInstance } = await import("@duckdb/node-api");
    globalThis.instance = await DuckDBInstance.create(process.argv[1]);
    console.log("open");
    process.stdin.resume();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await expect(createDuckdbStore({ path })).rejects.toThrow(
    `is in use by another process (pid ${child.pid})`,
  );
  child.kill();
  await once(child, "exit");
});

it("puts a write-ahead file that cannot be replayed aside, says so, and goes on from the last checkpoint", async () => {
  const temporary = await temporaryStore();
  const feed = createFeed();
  await temporary.store.apply(feed.blocks([{ event: { id: "1", userId: "u" } }]).blocks);
  await temporary.reopen();
  const checkpointed = temporary.store.positions();
  const again = feed.blocks([{ event: { id: "2", userId: "u" } }]).blocks;
  await temporary.store.apply(again);
  // As a crash would leave it, but for a flipped bit.
  copyFileSync(temporary.path, path);
  const wal = readFileSync(`${temporary.path}.wal`);
  wal[wal.length >> 1]! ^= 1;
  writeFileSync(`${path}.wal`, wal);
  await temporary.remove();

  const warnings: string[] = [];
  const store = await createDuckdbStore({ path, warn: (warning) => warnings.push(warning) });
  expect(warnings).toEqual([expect.stringContaining("cannot be replayed and was put aside")]);
  const aside = readdirSync(dirname(path)).filter((file) => file.includes(".wal.broken-"));
  expect(aside).toHaveLength(1);
  expect(readFileSync(join(directory, aside[0]!)).equals(wal)).toBe(true);
  expect(store.positions()).toEqual(checkpointed);
  expect(await store.apply(again)).toMatchObject({ applied: 1 });
  await store.close();
});

it.each([1, 2])(
  "opens a store whose write-ahead file a full disk kept over %d checkpoints, with all that these hold",
  async (checkpoints) => {
    const temporary = await temporaryStore();
    const feed = createFeed();
    const next = (id: string) => feed.blocks([{ event: { id, userId: "u" } }]).blocks;
    await temporary.store.apply(next("0"));
    copyFileSync(`${temporary.path}.wal`, `${path}.wal`);
    for (let i = 1; i < checkpoints; i++) {
      await temporary.reopen();
      await temporary.store.apply(next(String(i)));
    }
    const positions = temporary.store.positions();
    // Closing writes to the main file what the write-ahead file holds.
    await temporary.store.close();
    copyFileSync(temporary.path, path);
    await temporary.remove();

    const warnings: string[] = [];
    const store = await createDuckdbStore({ path, warn: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([expect.stringContaining("cannot be replayed and was put aside")]);
    expect(store.positions()).toEqual(positions);
    expect(await store.apply(next("next"))).toMatchObject({ applied: 1 });
    expect(store.stats().rows).toBe(checkpoints + 1);
    await store.close();
  },
);

it("can be bound, closed twice and asked after its end", async () => {
  const store = await createDuckdbStore({ path });
  await store.bind("log", storePartitions);
  await Promise.all([store.close(), store.close()]);
  await store.close();
  await expect(store.apply([])).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "STORE_UNAVAILABLE" });
  const asked = store.ask(
    { kind: "bounds", selection: { project: "p" } },
    { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY },
  );
  await expect(asked).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "STORE_UNAVAILABLE" });
  expect(store.health().status).toBe("unhealthy");
});
