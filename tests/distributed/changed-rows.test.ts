/** Rows that one process removes are in no answer of another that had answered before. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { openLog } from "../../src/app-log.ts";
import type { StoreParts } from "../../src/app-parts.ts";
import { createStart } from "../../src/app-start.ts";
import { openStore } from "../../src/app-store.ts";
import { readConfig } from "../../src/config/config.ts";
import type { Role } from "../../src/domain/roles.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { getJson, summary } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";

const patiently = { timeout: 30_000, interval: 20 };

let installation: Installation;
let servers: Record<Role, RunningServer>;
let client: WeirClient;
const stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  installation = await startInstallation();
  servers = await installation.serveEach();
  client = createWeirClient({ url: servers.ingest.url });
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  await client?.close();
  await installation?.close();
});

/** Another process's part of role consumer, which does nothing by itself. */
async function openConsumersStore(): Promise<StoreParts> {
  const config = readConfig(["--roles", "consumer"], installation.env);
  const logger = createLogger({ level: "silent" });
  const metrics = createMetrics({ startedAtMs: Date.now(), now: Date.now });
  const start = createStart(new AbortController().signal, logger);
  const log = await openLog({ config, metrics, logger, start, stops });
  return openStore({ config, log: { ...log, reader: log.reader! }, logger, start, stops });
}

it("an answer that was kept is given no more once a consumer has removed rows of it", async () => {
  const years = [2019, 2020, 2021, 2022];
  await client.ingestion.ingestEvents({
    events: years.map((year) => ({
      id: String(year),
      userId: `user-${year}`,
      name: "kept",
      timestamp: { seconds: BigInt(Date.UTC(year, 6) / 1000), nanos: 0 },
    })),
    options: { durability: Durability.APPLIED },
  });
  const { store, applying } = await openConsumersStore();
  await vi.waitFor(() => expect(applying!.assignment.partitions().length).toBeGreaterThan(0), patiently);

  const { url } = servers.analytics;
  const reused = async () => (await getJson(url, "/stats")).store.answers_reused;
  const before = await reused();
  await vi.waitFor(async () => {
    expect((await summary(url)).total_events).toBe("4");
    expect(await reused()).toBeGreaterThan(before);
  }, patiently);

  expect(await store.removeBefore(Date.UTC(2021, 0) * 1000)).toBe(2);
  await vi.waitFor(async () => expect((await summary(url)).total_events).toBe("2"), patiently);
  const again = await reused();
  await vi.waitFor(async () => {
    expect((await summary(url)).total_events).toBe("2");
    expect(await reused()).toBeGreaterThan(again);
  }, patiently);
});
