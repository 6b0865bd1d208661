import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWeirClient } from "../../client/node/index.ts";
import { gather, startProgram, weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let directory: string;
let server: RunningServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "weir-cli-server-"));
  server = await startServer();
});
afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

async function generated(events: number, format: "event" | "flat" = "event"): Promise<string> {
  const path = join(directory, `${format}-${events}.ndjson.gz`);
  const flags = ["--events", `${events}`, "--users", "200", "--format", format, "--out", path];
  expect(await weir(["generate-data", ...flags])).toMatchObject({ code: 0, stderr: "" });
  return path;
}

async function send(path: string, flags: string[] = []) {
  const { code, stdout, stderr } = await weir(["send", path, "--url", server.url, "--json", ...flags]);
  return { code, stderr, tally: JSON.parse(stdout) };
}

/** What the server counts, once it has applied all it took. */
async function countedEventually(expected: number) {
  const client = createWeirClient({ url: server.url });
  try {
    const total = async () => Number((await client.analytics.getAnalyticsSummary({})).totalEvents);
    await expect.poll(total, { timeout: 60_000 }).toBe(expected);
    const { lagEvents } = await client.consumer.getConsumerLag({});
    const { totalEvents, uniqueUsers } = await client.analytics.getAnalyticsSummary({});
    return { lag: Number(lagEvents), total: Number(totalEvents), users: Number(uniqueUsers) };
  } finally {
    await client.close();
  }
}

describe("weir send to a server", () => {
  it.each(["event", "flat"] as const)(
    "brings every line of form %s once, however often it is sent",
    async (format) => {
      const path = await generated(5_500, format);
      expect(await send(path)).toMatchObject({
        code: 0,
        stderr: "",
        tally: { read: 5_500, accepted: 5_500, rejected: 0 },
      });
      expect(await send(path)).toMatchObject({
        code: 0,
        tally: { read: 5_500, accepted: 0, duplicates: 5_500 },
      });
      expect(await countedEventually(5_500)).toEqual({ lag: 0, total: 5_500, users: 200 });
    },
  );

  it("that is killed meanwhile loses nothing and doubles nothing once it is sent again", async () => {
    const path = await generated(60_000);
    const args = ["send", path, "--url", server.url, "--json", "--timeout", "5", "--batch", "100"];
    const sending = startProgram("bin/weir.js", args);
    const stdout = gather(sending, "stdout");
    const ended = once(sending, "close");
    const client = createWeirClient({ url: server.url });
    const accepted = async () => Number((await client.producer.getProducerStats({})).acceptedCount);
    await expect.poll(accepted, { interval: 10, timeout: 30_000 }).toBeGreaterThan(3_000);
    await client.close();
    await server.kill9();
    expect((await ended)[0]).toBe(3);
    const before = JSON.parse(stdout());
    const known = before.accepted + before.duplicates;
    expect(known).toBeLessThan(60_000);

    server = await server.restart();
    const { code, tally } = await send(path);
    expect(code).toBe(0);
    expect(tally.accepted + tally.duplicates).toBe(60_000);
    // Every event that was acknowledged before the crash is recognised after it.
    expect(tally.duplicates).toBeGreaterThanOrEqual(known);
    expect(await countedEventually(60_000)).toEqual({ lag: 0, total: 60_000, users: 200 });
  });
});

describe("a running server", () => {
  it("is healthy, part by part", async () => {
    const { code, stdout, stderr } = await weir(["health", "--url", server.url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const part of ["ingestion", "consumer", "analytics", "metrics", "  log", "  store"]) {
      expect(stdout).toMatch(new RegExp(`^  ${part} +healthy$`, "m"));
    }
  });

  it("is ready", async () => {
    expect(await weir(["ready", "--url", server.url])).toMatchObject({
      code: 0,
      stdout: `${server.url} is ready\n`,
    });
  });

  it("tells its lag and its figures", async () => {
    await send(await generated(300));
    await countedEventually(300);
    const lag = await weir(["lag", "--url", server.url]);
    expect(lag.code).toBe(0);
    expect(JSON.parse(lag.stdout)).toMatchObject({ lag_events: "0", lag_seconds: 0 });
    const stats = await weir(["stats", "--url", server.url]);
    expect(stats.code).toBe(0);
    expect(JSON.parse(stats.stdout)).toMatchObject({
      producer: { accepted_count: "300" },
      consumer: { applied_events: "300", dead_letters: "0" },
    });
  });
});
