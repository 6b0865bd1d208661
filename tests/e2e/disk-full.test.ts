import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { caughtUp, getJson, summary } from "../support/figures.ts";
import { limitFileSize } from "../support/file-size-limit.ts";
import { expectKept, type Load, startLoad } from "../support/load.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

interface Health {
  readonly status: string;
  readonly components: readonly { readonly name: string; readonly status: string }[];
}

let directory: string;
let server: RunningServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "weir-disk-full-"));
  server = await startServer();
});
afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

/** What /health says of each part, and with which status. */
async function health(): Promise<{ http: number; parts: Record<string, string> }> {
  const response = await fetch(`${server.url}/health`);
  const { components } = (await response.json()) as Health;
  return {
    http: response.status,
    parts: Object.fromEntries(components.map(({ name, status }) => [name, status])),
  };
}

const allHealthy = { http: 200, parts: { log: "healthy", store: "healthy", consumer: "healthy" } };

function waitUntilHealthy(): Promise<void> {
  return vi.waitFor(async () => expect(await health()).toMatchObject(allHealthy), { timeout: 60_000 });
}

/** Sends made-up events, the same ones for the same number. */
async function generateAndSend(events: number, ...flags: string[]) {
  const file = join(directory, `${events}.ndjson`);
  await weir(["generate-data", "--events", String(events), "--out", file]);
  const { code, stdout } = await weir(["send", file, "--url", server.url, "--json", ...flags]);
  return { code, tally: JSON.parse(stdout) };
}

describe("a server whose disk is full", () => {
  it("refuses under load and says so, and goes on without a restart, losing and doubling nothing", async () => {
    const loads: Load[] = [];
    for (const limit of [300_000, 1, 100_000]) {
      const load = startLoad(server.url, `round${loads.length}`);
      loads.push(load);
      await load.until(() => load.acknowledged.size > 200);
      await limitFileSize(server.pid, limit);
      await load.until(() => load.refusals.length > 20);
      await vi.waitFor(async () =>
        expect(await health()).toMatchObject({ http: 503, parts: { log: "unhealthy" } }),
      );
      await limitFileSize(server.pid, "unlimited");
      const before = load.acknowledged.size;
      await load.until(() => load.acknowledged.size > before + 200);
      await load.stop();
      for (const refusal of load.refusals) {
        expect(refusal).toEqual({ code: "Unavailable", reason: "LOG_UNAVAILABLE", retryInfo: true });
      }
      await waitUntilHealthy();
      await caughtUp(server.url);
    }
    await server.kill9();
    server = await server.restart();
    await expectKept(server.url, loads);
  });

  it("takes events although the store cannot be written, waits for it, and skips none", async () => {
    expect((await generateAndSend(20_000)).tally).toMatchObject({ accepted: 20_000 });
    await caughtUp(server.url);
    // A crash leaves the store with a long write-ahead file, and begins a new one of the log: up to a size that only the
    // store has passed, neither that file nor the main one can grow, while the log can.
    await server.kill9();
    server = await server.restart();
    const { size } = await stat(join(server.dataDir, "store.duckdb"));
    await limitFileSize(server.pid, size + 65_536);

    expect((await generateAndSend(21_000)).tally).toMatchObject({ accepted: 1_000, duplicates: 20_000 });
    await vi.waitFor(
      async () =>
        expect(await health()).toMatchObject({
          http: 503,
          parts: { log: "healthy", store: "unhealthy", consumer: "degraded" },
        }),
      { timeout: 20_000 },
    );
    // Some more attempts fail, too.
    const { errors } = await getJson(server.url, "/v1/consumer/stats");
    await vi.waitFor(
      async () =>
        expect(Number((await getJson(server.url, "/v1/consumer/stats")).errors)).toBeGreaterThan(
          Number(errors) + 2,
        ),
      { timeout: 20_000 },
    );
    const behind = await getJson(server.url, "/v1/consumer/lag");
    expect(Number(behind.lag_events)).toBeGreaterThan(0);
    expect(behind.lag_seconds).toBeGreaterThan(0);
    // Questions are answered from what is there.
    const stored = await summary(server.url);
    expect(Number(stored.total_events) + Number(behind.lag_events)).toBe(21_000);

    await limitFileSize(server.pid, "unlimited");
    expect(await caughtUp(server.url)).toBe(21_000);
    await waitUntilHealthy();
    const counted = await summary(server.url);
    expect(counted.total_events).toBe("21000");
    await server.kill9();
    server = await server.restart();
    await caughtUp(server.url);
    expect(await summary(server.url)).toEqual(counted);
  });

  it("exports lines, and refuses a Parquet file that it cannot write", async () => {
    expect((await generateAndSend(1000)).tally).toMatchObject({ accepted: 1000 });
    await caughtUp(server.url);
    await limitFileSize(server.pid, 100);
    const url = `${server.url}/v1/analytics/export`;
    const lines = await (await fetch(url)).text();
    expect(lines.split("\n")).toHaveLength(1001);
    const parquet = `${url}?format=EXPORT_FORMAT_PARQUET`;
    const refused = await fetch(parquet);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({
      message: expect.not.stringContaining(server.dataDir),
      details: [{ reason: "STORE_UNAVAILABLE" }],
    });
    await vi.waitFor(async () =>
      expect(await readdir(join(server.dataDir, "store.duckdb.exports"))).toEqual([]),
    );
    await limitFileSize(server.pid, "unlimited");
    expect((await fetch(parquet)).status).toBe(200);
  });

  it("can be stopped, and keeps what it acknowledged", async () => {
    const load = startLoad(server.url, "load");
    await load.until(() => load.acknowledged.size > 500);
    await limitFileSize(server.pid, 1);
    await load.until(() => load.refusals.length > 20);
    process.kill(server.pid, "SIGTERM");
    // Not in order, since the store cannot write its file anew, but by itself and with the log closed.
    expect(await server.exited).toBe(1);
    expect(server.log()).toContain("a part could not be closed");
    expect(server.log()).not.toContain("cut off");
    await load.stop();
    server = await server.restart();
    await expectKept(server.url, [load]);
  });
});
