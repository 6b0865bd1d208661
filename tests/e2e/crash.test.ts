import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { caughtUp, getJson, summary } from "../support/figures.ts";
import { expectKept, type Load, startLoad } from "../support/load.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const events = 60_000;
let directory: string;
let file: string;
let server: RunningServer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "weir-crash-"));
  file = join(directory, "events.ndjson.gz");
  server = await startServer();
});
afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

/** Kills the server once the log has so many records, and starts it again on the same data. */
async function killAndRestart(records: number): Promise<void> {
  const appended = async () => {
    const { partitions } = await getJson(server.url, "/v1/consumer/lag");
    return partitions.reduce((sum: number, p: { end_offset: string }) => sum + Number(p.end_offset), 0);
  };
  await vi.waitFor(async () => expect(await appended()).toBeGreaterThanOrEqual(records), {
    timeout: 60_000,
    interval: 5,
  });
  await server.kill9();
  server = await server.restart();
}

async function generate(): Promise<void> {
  const flags = ["--events", String(events), "--users", "500", "--out", file];
  expect(await weir(["generate-data", ...flags])).toMatchObject({ code: 0 });
}

async function send(...flags: string[]) {
  const { code, stdout } = await weir(["send", file, "--url", server.url, "--json", ...flags]);
  return { code, tally: JSON.parse(stdout) };
}

describe("kill -9 of the server", () => {
  it("during weir send, which goes on by itself, loses and doubles nothing", async () => {
    await generate();
    const sending = send("--batch", "500");
    for (const records of [1, 12_000, 25_000, 45_000]) await killAndRestart(records);
    const { code, tally } = await sending;
    expect(code).toBe(0);
    expect(tally).toMatchObject({ read: events, rejected: 0 });
    expect(tally.accepted + tally.duplicates).toBe(events);
    expect(await caughtUp(server.url)).toBe(events);
    const counted = await summary(server.url);
    expect(counted.total_events).toBe(String(events));

    expect(await send()).toMatchObject({ code: 0, tally: { accepted: 0, duplicates: events } });
    await caughtUp(server.url);
    expect(await summary(server.url)).toEqual(counted);
  });

  it("during weir send, which gives up, is made good by sending the file again", async () => {
    await generate();
    let gaveUp = false;
    const sending = send("--batch", "100", "--timeout", "1").finally(() => {
      gaveUp = true;
    });
    // On a busy machine a request may take longer than its second while the server is there: then it has given up by itself.
    await vi.waitFor(
      async () => expect(gaveUp || Number((await summary(server.url)).total_events) > 5_000).toBe(true),
      { timeout: 60_000, interval: 5 },
    );
    await server.kill9();
    const first = await sending;
    expect(first.code).toBe(3);
    server = await server.restart();
    const kept = await caughtUp(server.url);
    expect(kept).toBeGreaterThanOrEqual(first.tally.accepted);
    expect((await summary(server.url)).total_events).toBe(String(kept));

    expect(await send()).toMatchObject({
      code: 0,
      tally: { read: events, accepted: events - kept, duplicates: kept, rejected: 0 },
    });
    expect(await caughtUp(server.url)).toBe(events);
    expect((await summary(server.url)).total_events).toBe(String(events));
  });

  it("during calls from many clients keeps every acknowledged event, once", async () => {
    const loads: Load[] = [];
    for (const acknowledged of [1, 300, 700]) {
      const load = startLoad(server.url, `round${loads.length}`);
      loads.push(load);
      await load.until(() => load.acknowledged.size >= acknowledged);
      await server.kill9();
      await load.until(() => load.refusals.length > 0);
      await load.stop();
      // A broken connection is the only thing that a caller may meet.
      expect(load.refusals.filter(({ code }) => code !== "Unavailable")).toEqual([]);
      server = await server.restart();
    }
    await expectKept(server.url, loads);
  });
});
