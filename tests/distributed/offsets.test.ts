/** A group that is not the store's, and offsets of a group that brokers have forgotten. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import type { PartitionOffsets } from "../../src/app-offsets.ts";
import { allEvents, caughtUp } from "../support/figures.ts";
import { groupTool } from "../support/group-tool.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { weir } from "../support/process.ts";
import { refusedStart } from "../support/refused-start.ts";
import type { RunningServer } from "../support/server.ts";

const patiently = { timeout: 60_000, interval: 50 };
const stray = { WEIR_KAFKA_GROUP: "stray" };

let installation: Installation;
let client: WeirClient;
let consumer: RunningServer;
let analytics: RunningServer;
let strayAnalytics: RunningServer;
let sent = 0;
let lost = 0;
beforeAll(async () => {
  installation = await startInstallation();
  const ingest = await installation.serve("ingest");
  client = createWeirClient({ url: ingest.url });
  analytics = await installation.serve("analytics");
  strayAnalytics = await installation.serve("analytics", { env: stray });
  consumer = await installation.serve("consumer");
});
afterAll(async () => {
  await client?.close();
  await installation?.close();
});

async function send(count: number): Promise<void> {
  const events = Array.from({ length: count }, () => ({
    id: `e-${++sent}`,
    userId: `user-${sent % 50}`,
    name: "n",
  }));
  const durability = Durability.APPLIED;
  await client.ingestion.ingestEvents({ events, options: { durability } });
}

/** Each event counts once, as soon as all are applied. */
async function expectAll(): Promise<void> {
  await caughtUp(analytics.url, sent);
  const ids = (await allEvents(analytics.url)).map(({ id }) => id as string);
  expect(ids).toHaveLength(sent);
  expect(new Set(ids).size).toBe(sent);
}

async function notReady(url: string): Promise<string[]> {
  const { failing } = await (await fetch(`${url}/ready`)).json();
  return failing.map(({ message }: { message: string }) => message);
}

async function offsets(): Promise<{ members: number; partitions: PartitionOffsets[] }> {
  const { code, stdout, stderr } = await weir(["offsets", "list", "--json"], { env: installation.env });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

/** As brokers do once it has had no member for long enough. */
async function forgetGroup(): Promise<void> {
  await vi.waitFor(async () => expect((await offsets()).members).toBe(0), patiently);
  await groupTool(installation, ["--delete"]);
}

/** Some come that no consumer applies, then all of the log goes, as by retention. */
async function loseRecords(): Promise<void> {
  const events = Array.from({ length: 100 }, () => ({
    id: `gone-${++lost}`,
    userId: `user-${lost % 50}`,
    name: "n",
  }));
  await client.ingestion.ingestEvents({ events });
  const { partitions } = await offsets();
  const directory = await mkdtemp(join(tmpdir(), "weir-offsets-"));
  const file = join(directory, "offsets.json");
  const ends = partitions.map(({ partition, logEnd }) => ({
    topic: "weir.events",
    partition,
    offset: logEnd,
  }));
  await writeFile(file, JSON.stringify({ partitions: ends, version: 1 }));
  const brokers = installation.kafka.brokers.join(",");
  const args = ["--bootstrap-server", brokers, "--offset-json-file", file];
  await installation.kafka.tool("org.apache.kafka.tools.DeleteRecordsCommand", args);
  await rm(directory, { recursive: true });
}

describe("a process of another group", () => {
  it("is refused, or not ready once the store has a group, and says which", async () => {
    const line = "the log is applied to the store by group weir, not by group stray";
    await vi.waitFor(async () => {
      expect(await notReady(strayAnalytics.url)).toEqual([
        `${line}: is --kafka-group (WEIR_KAFKA_GROUP) right?`,
      ]);
    }, patiently);
    expect(await notReady(analytics.url)).toEqual([]);
    for (const role of ["analytics", "consumer"]) {
      const refused = await refusedStart([], { ...installation.env, ...stray, WEIR_ROLES: role });
      expect(refused).toMatchObject({ code: 2, line: expect.stringContaining(line) });
    }
  });
});

describe("a group whose offsets are gone", () => {
  it("is told of, and goes on from what the store noted as its consumer stopped", async () => {
    await send(1000);
    await consumer.stop();
    const before = (await offsets()).partitions;
    expect(before.reduce((sum, { rows }) => sum + rows, 0)).toBe(sent);
    for (const { noted, committed, logEnd } of before) {
      expect(committed).toBe(logEnd);
      expect(noted).toBe(logEnd);
    }
    await forgetGroup();
    const line = /group weir has applied nothing, but the store holds rows.*run weir offsets restore/;
    await vi.waitFor(async () => {
      expect(await notReady(analytics.url)).toEqual([expect.stringMatching(line)]);
    }, patiently);
    const refused = await refusedStart([], { ...installation.env, WEIR_ROLES: "consumer" });
    expect(refused).toMatchObject({ code: 1, line: expect.stringMatching(line) });

    const restored = await weir(["offsets", "restore"], { env: installation.env });
    expect(restored).toMatchObject({ code: 0, stderr: "" });
    expect((await offsets()).partitions).toEqual(before);
    consumer = await installation.serve("consumer");
    await send(1000);
    await expectAll();
    await vi.waitFor(async () => expect(await notReady(analytics.url)).toEqual([]), patiently);
  });

  it("is not restored while it has members", async () => {
    const restored = await weir(["offsets", "restore", "--all"], { env: installation.env });
    expect(restored).toMatchObject({ code: 1, stdout: "" });
    expect(restored.stderr).toMatch(/group weir has members: stop every process of role consumer first/);
  });

  it("makes a consumer unready that runs on without them, which says so once", async () => {
    process.kill(consumer.pid, "SIGSTOP");
    await forgetGroup();
    process.kill(consumer.pid, "SIGCONT");
    const line = /group weir has applied nothing, but the store holds rows.*run weir offsets restore/;
    await vi.waitFor(async () => {
      expect((await notReady(consumer.url)).join("\n")).toMatch(line);
    }, patiently);
    const events = [{ id: `e-${++sent}`, userId: `user-${sent % 50}`, name: "n" }];
    await client.ingestion.ingestEvents({ events });
    const failed = /errors_total\{[^}]*stage="consume"[^}]*\} ([2-9]|\d\d)/;
    await vi.waitFor(async () => {
      expect(await (await fetch(`${consumer.url}/metrics`)).text()).toMatch(failed);
    }, patiently);
    const lines = consumer
      .log()
      .split("\n")
      .filter((one) => /applying the log failed.*run weir offsets restore/.test(one));
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("stack");

    await consumer.stop();
    expect(await weir(["offsets", "restore"], { env: installation.env })).toMatchObject({ code: 0 });
    consumer = await installation.serve("consumer");
    await expectAll();
  });

  it("goes on from less than was applied where its consumer was killed, and counts each event once", async () => {
    await consumer.kill9();
    const applied = (await offsets()).partitions;
    await forgetGroup();
    expect(await weir(["offsets", "restore"], { env: installation.env })).toMatchObject({ code: 0 });
    const { partitions } = await offsets();
    for (const [partition, { committed }] of partitions.entries()) {
      // What it had noted, which is less unless a minute had just passed.
      expect(committed).toBeLessThanOrEqual(applied[partition]!.committed!);
    }
    consumer = await installation.serve("consumer");
    await expectAll();
    await send(100);
    await expectAll();
  });

  it("goes on from where the log begins only if told to, with the rows that the store has", async () => {
    await consumer.kill9();
    await forgetGroup();
    await loseRecords();
    const { code, stdout, stderr } = await weir(["offsets", "restore"], { env: installation.env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^weir offsets: partition \d+ of the log begins at .*or say --skip-gone.*\n$/);

    const skipping = ["offsets", "restore", "--skip-gone"];
    expect(await weir(skipping, { env: installation.env })).toMatchObject({ code: 0, stderr: "" });
    consumer = await installation.serve("consumer");
    await send(100);
    await expectAll();
  });

  it("keeps its rows where the log begins behind them and a consumer is told to rebuild", async () => {
    await consumer.stop();
    await loseRecords();
    const refused = await refusedStart([], { ...installation.env, WEIR_ROLES: "consumer" });
    expect(refused).toMatchObject({ code: 1, line: expect.stringContaining("--rebuild-store") });
    consumer = await installation.serve("consumer", { args: ["--rebuild-store"] });
    const ids = (await allEvents(analytics.url)).map(({ id }) => id as string);
    expect(new Set(ids).size).toBe(sent);
    await send(100);
    expect(await allEvents(analytics.url)).toHaveLength(sent);
  });
});
