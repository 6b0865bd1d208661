import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { caughtUp, summary } from "../support/figures.ts";
import {
  appendEvents,
  applied,
  type Clock,
  makeDataDirectory,
  openPipeline,
  type Pipeline,
  removeDataDirectory,
} from "../support/pipeline.ts";
import { refusedStart } from "../support/refused-start.ts";
import { startServer } from "../support/server.ts";

let dataDir: string;
/** Of what is in the data directory; the servers of these tests live later. */
let clock: Clock;
beforeEach(async () => {
  dataDir = await makeDataDirectory();
  clock = { nowMs: Date.now() };
});
afterEach(() => removeDataDirectory(dataDir));

const inDir = (...path: string[]) => join(dataDir, ...path);

/** Works on the data directory's log and store; the consumer runs meanwhile. */
async function fill(work: (pipeline: Pipeline) => Promise<unknown>, directory = dataDir): Promise<void> {
  const pipeline = await openPipeline(directory, { clock });
  const consumer = pipeline.consumer();
  consumer.start();
  try {
    await work(pipeline);
    await applied(pipeline);
  } finally {
    await consumer.stop();
    await pipeline.close();
  }
}

const append = (name: string, count: number) => (pipeline: Pipeline) =>
  appendEvents(pipeline.log, name, count);

/** Forgets all of the log that is applied, but for each partition's last block. */
async function trim({ log, store }: Pipeline): Promise<void> {
  await applied({ log, store });
  expect(await log.trim(store.positions(), clock.nowMs + 1)).toBeGreaterThan(0);
}

/** Starts a server on the data directory, counts, and stops it again. */
async function countedBy(...args: string[]): Promise<string> {
  const server = await startServer({ dataDir, args });
  try {
    await caughtUp(server.url);
    return (await summary(server.url)).total_events;
  } finally {
    expect(await server.stop()).toBe(0);
  }
}

/** The one line of a start on the data directory that is refused; nothing may be lost by it. */
async function refusal(...args: string[]): Promise<string> {
  const { code, line } = await refusedStart(["--listen", "127.0.0.1:0", "--data-dir", dataDir, ...args]);
  expect(code).toBe(1);
  return line;
}

describe("a start is refused, with one clear line,", () => {
  it("when another process has the data directory, which goes on", async () => {
    const server = await startServer({ dataDir });
    try {
      expect(await refusal()).toMatch(/\/log is in use by another process/);
      expect((await summary(server.url)).total_events).toBe("0");
    } finally {
      await server.stop();
    }
  });

  it("when the port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    try {
      const { code, line } = await refusedStart(["--listen", `127.0.0.1:${port}`, "--data-dir", dataDir]);
      expect(code).toBe(1);
      expect(line).toContain(`127.0.0.1:${port}`);
      expect(line).toContain("in use");
    } finally {
      taken.close();
    }
    // Everything that it had opened before is closed again.
    expect(await countedBy()).toBe("0");
  });

  it("when the store belongs to another log", async () => {
    const other = await makeDataDirectory();
    try {
      await fill(append("a", 20));
      await fill(append("b", 10), other);
      await rm(inDir("log"), { recursive: true });
      await cp(join(other, "log"), inDir("log"), { recursive: true });
      expect(await refusal()).toMatch(/the store belongs to log [0-9a-f]+, but this is log [0-9a-f]+: /);

      await rename(inDir("store.duckdb"), inDir("store.away"));
      expect(await countedBy()).toBe("10");
    } finally {
      await removeDataDirectory(other);
    }
  });

  it("when the log's tail is lost", async () => {
    await fill(append("a", 50));
    await cp(inDir("log"), inDir("older"), { recursive: true });
    await fill(append("b", 50));
    await rename(inDir("log"), inDir("newer"));
    await rename(inDir("older"), inDir("log"));
    expect(await refusal()).toMatch(
      /the log ends at offset \d+, but the store has applied up to \d+: the log's tail is lost/,
    );

    // As the line says: with the log restored it starts, and without the store it builds one from what there is.
    await rename(inDir("log"), inDir("older"));
    await rename(inDir("newer"), inDir("log"));
    expect(await countedBy()).toBe("100");
    await rename(inDir("log"), inDir("newer"));
    await rename(inDir("older"), inDir("log"));
    await rename(inDir("store.duckdb"), inDir("store.away"));
    expect(await countedBy()).toBe("50");
  });

  it("when the log no longer has what an older store lacks, unless it is told to go on", async () => {
    await fill(append("a", 100));
    await cp(inDir("store.duckdb"), inDir("older.duckdb"));
    await fill(async (pipeline) => {
      await appendEvents(pipeline.log, "b", 300);
      await trim(pipeline);
    });
    await rename(inDir("older.duckdb"), inDir("store.duckdb"));
    const line = await refusal();
    expect(line).toMatch(
      /the log begins at offset \d+, but the store has applied only up to \d+: the records between are gone/,
    );
    expect(line).toContain("--rebuild-store");
    // The first refusal has changed nothing.
    expect(await refusal()).toBe(line);

    const counted = Number(await countedBy("--rebuild-store"));
    expect(counted).toBeGreaterThan(100);
    expect(counted).toBeLessThan(400);
    // Once told is enough.
    expect(await countedBy()).toBe(String(counted));
  });

  it("when the log no longer has what an empty store lacks, unless it is told to go on", async () => {
    let kept = 0;
    await fill(async (pipeline) => {
      await appendEvents(pipeline.log, "a", 300);
      await trim(pipeline);
      const starts = pipeline.log.starts();
      kept = pipeline.log.ends().reduce((sum, end, partition) => sum + end - starts[partition]!, 0);
    });
    await rename(inDir("store.duckdb"), inDir("store.away"));
    expect(await refusal()).toMatch(/has applied only up to 0: the records between are gone/);
    expect(await refusal()).toContain("--rebuild-store");
    expect(await countedBy("--rebuild-store")).toBe(String(kept));
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(300);
  });

  it("when the store's file is none of DuckDB's, which is left as it is", async () => {
    const text = "not a database ".repeat(1000);
    await writeFile(inDir("store.duckdb"), text);
    expect(await refusal()).toMatch(/store\.duckdb is not a DuckDB file/);
    expect(await readFile(inDir("store.duckdb"), "utf8")).toBe(text);
    await rm(inDir("store.duckdb"));
    expect(await countedBy()).toBe("0");
  });
});
