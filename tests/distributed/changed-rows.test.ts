/** Rows that one process removes are in no answer of another that had answered before. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { openLog } from "../../src/app-log.ts";
import type { StoreParts } from "../../src/app-parts.ts";
import { createStart } from "../../src/app-start.ts";
import { openStore } from "../../src/app-store.ts";
import { readConfig } from "../../src/config/config.ts";
import type { Role } from "../../src/domain/roles.ts";
import { createConnection } from "../../src/store/clickhouse/connection.ts";
import { parseUrl } from "../../src/store/clickhouse/url.ts";
import { numbers } from "../../src/store/sql/plan.ts";
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
  await client?.close();
  await installation?.close();
});

/** Stops what openConsumersStore has started. */
async function closeConsumersStore(): Promise<void> {
  for (const stop of stops.splice(0).reverse()) await stop();
}
afterEach(closeConsumersStore);

/**
 * Another process's part of role consumer, which does nothing by itself.
 *
 * @param givenUp aborted where what is under way is given up, as at the end of a stop
 */
async function openConsumersStore(givenUp = new AbortController().signal): Promise<StoreParts> {
  const config = readConfig(["--roles", "consumer"], installation.env);
  const logger = createLogger({ level: "silent" });
  const metrics = createMetrics({ startedAtMs: Date.now(), now: Date.now });
  const start = createStart(givenUp, logger);
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

it("nor once one was given up in the midst of it, which the server goes on with", async () => {
  const { url } = servers.analytics;
  expect((await summary(url)).total_events).toBe("2");
  const givingUp = new AbortController();
  const { store, applying } = await openConsumersStore(givingUp.signal);
  await vi.waitFor(() => expect(applying!.assignment.partitions().length).toBeGreaterThan(0), patiently);
  const connection = createConnection({
    url: parseUrl(installation.env.WEIR_STORE!).http,
    maxConnections: 1,
  });
  const underWay = async () => {
    const query =
      "SELECT count() FROM system.mutations WHERE table = 'events' AND database = currentDatabase() AND NOT is_done";
    return numbers(await connection.table({ query, params: {} }), 0)[0];
  };
  await connection.command("SYSTEM STOP MERGES events");
  const removal = store.removeBefore(Date.UTC(2022, 0) * 1000);
  removal.catch(() => {});
  await vi.waitFor(async () => expect(await underWay()).toBe(1), patiently);
  givingUp.abort();
  await expect(removal).rejects.toThrow();
  await closeConsumersStore();

  // Another takes its partitions over, which is a change too, and has an end.
  const event = { id: "after", userId: "after", name: "kept" };
  for (let user = 0; user < 20; user++) {
    await client.ingestion.ingestEvent({
      event: { ...event, userId: `after-${user}`, timestamp: { seconds: 1n, nanos: 0 } },
      options: { durability: Durability.APPLIED },
    });
  }
  for (let i = 0; i < 3; i++) expect((await summary(url)).total_events).toBe("22");
  expect(await underWay()).toBe(1);
  await connection.command("SYSTEM START MERGES events");
  await vi.waitFor(async () => expect((await summary(url)).total_events).toBe("21"), patiently);
  await connection.close();
});
