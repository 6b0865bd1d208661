/** What one process takes is read by another: once its token says so, and live. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createWeirClient, errorReason, type WeirClient } from "../../client/node/index.ts";
import { Durability, IngestResult } from "../../gen/analytics/v1/ingestion_pb.js";
import type { Role } from "../../src/domain/roles.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { weir } from "../support/process.ts";
import { reading } from "../support/reading.ts";
import type { RunningServer } from "../support/server.ts";

/** The same in both installations, so that only the log tells their tokens apart. */
const secret = { WEIR_TOKEN_SECRET: "a secret that two installations share" };

let installation: Installation;
let ingest: WeirClient;
let analytics: WeirClient;
let servers: Record<Role, RunningServer>;
const clients: WeirClient[] = [];
function clientOf({ url }: RunningServer): WeirClient {
  const client = createWeirClient({ url, retry: { maxAttempts: 1 } });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  installation = await startInstallation({ env: secret });
  servers = await installation.serveEach();
  ingest = clientOf(servers.ingest);
  analytics = clientOf(servers.analytics);
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await installation?.close();
});

const countOf = async (userId: string, minVisibility: string[] = []) =>
  (await analytics.analytics.getAnalyticsSummary({ filter: `user_id == "${userId}"`, minVisibility }))
    .totalEvents;

/** Why a call by REST that has two seconds fails, to a caller who waits for the answer however long that takes. */
async function reasonWithin2s(url: string, request: RequestInit = {}): Promise<string> {
  const headers = { "content-type": "application/json", "connect-timeout-ms": "2000" };
  const answer = await fetch(url, { ...request, headers });
  return (await answer.json()).details[0].reason;
}

describe("a token of the process that took an event", () => {
  it("makes the process that answers wait until it has the event, every time", async () => {
    for (let i = 1; i <= 50; i++) {
      const event = { id: `own-${i}`, userId: `user-${i % 7}`, name: "own" };
      const { visibilityToken } = await ingest.ingestion.ingestEvent({ event });
      const { totalEvents } = await analytics.analytics.getAnalyticsSummary({
        filter: 'name == "own"',
        minVisibility: [visibilityToken],
      });
      expect(totalEvents).toBe(BigInt(i));
    }
  });

  it("is refused where its log is another", async () => {
    const env = { WEIR_LOG: `kafka://${installation.kafka.brokers.join(",")}/another` };
    expect(await weir(["topics", "create"], { env })).toMatchObject({ code: 0, stderr: "" });
    const stranger = clientOf(await installation.serve("ingest", { env }));
    const event = { id: "a", userId: "u", name: "strange" };
    const { visibilityToken } = await stranger.ingestion.ingestEvent({ event });
    const asked = analytics.analytics.getAnalyticsSummary({ minVisibility: [visibilityToken] });
    const error = await asked.catch((thrown: unknown) => thrown);
    expect(errorReason(error)).toBe("INVALID_TOKEN");
    expect((error as Error).message).toMatch(/invalid_argument.*another log/s);
  });
});

describe("an event whose sender waits until it is applied", () => {
  it("is in what is asked next of the process that answers, also where it has answered that before", async () => {
    for (let i = 1; i <= 20; i++) {
      expect(await countOf("patient")).toBe(BigInt(i - 1));
      const { result } = await ingest.ingestion.ingestEvent({
        event: { id: `patient-${i}`, userId: "patient", name: "patient" },
        options: { durability: Durability.APPLIED },
      });
      expect(result).toBe(IngestResult.ACCEPTED);
      expect(await countOf("patient")).toBe(BigInt(i));
    }
  });
});

describe("while no process applies the log", () => {
  it("events are taken, and whoever waits for them does so until one does, or to the deadline", async () => {
    await servers.consumer.stop();
    const event = { id: "late", userId: "late", name: "late" };
    const { visibilityToken, result } = await ingest.ingestion.ingestEvent({ event });
    expect(result).toBe(IngestResult.ACCEPTED);
    const durability = Durability.APPLIED;
    const waiters = [
      reasonWithin2s(`${servers.analytics.url}/v1/analytics/summary?min_visibility=${visibilityToken}`),
      reasonWithin2s(`${servers.ingest.url}/v1/events`, {
        method: "POST",
        body: JSON.stringify({
          event: { id: "late", user_id: "late", name: "late" },
          options: { durability },
        }),
      }),
    ];
    expect(await Promise.all(waiters)).toEqual(["NOT_YET_VISIBLE", "NOT_YET_VISIBLE"]);

    // It is on the log already: what is waited for is that copy.
    const waiting = ingest.ingestion.ingestEvent({ event, options: { durability } });
    const reader = countOf("late", [visibilityToken]);
    servers.consumer = await installation.serve("consumer");
    expect((await waiting).result).toBe(IngestResult.DUPLICATE);
    expect(await countOf("late")).toBe(1n);
    expect(await reader).toBe(1n);
  });
});

describe("live streams of the process that answers", () => {
  afterEach(() => ended.abort());
  const ended = new AbortController();

  it("follow what all processes take, and count once what came to two of them", async () => {
    const { signal } = ended;
    const filter = 'name == "live"';
    const window = reading(analytics.analytics.getRealTimeAnalytics({ filter }, { signal }));
    const tail = reading(analytics.analytics.tailEvents({ filter }, { signal }));
    await window.next();
    await tail.next();
    const second = clientOf(await installation.serve("ingest"));
    const events = Array.from({ length: 30 }, (_, i) => ({
      id: `live-${i}`,
      userId: `u-${i}`,
      name: "live",
    }));
    const extra = { id: "live-last", userId: "u-last", name: "live" };
    // Neither process knows what the other took.
    for (const process of [ingest, second]) {
      expect((await process.ingestion.ingestEvents({ events })).acceptedCount).toBe(30);
    }
    const { visibilityToken } = await second.ingestion.ingestEvent({ event: extra });
    const { window: last } = await window.until((answer) => (answer.window?.events ?? 0n) >= 31n);
    expect(last).toMatchObject({ events: 31n, activeUsers: 31n });
    const ids = () => tail.all.flatMap((message) => message.events.map(({ event }) => event!.id));
    await tail.until(() => new Set(ids()).size === 31);
    const { totalEvents } = await analytics.analytics.getAnalyticsSummary({
      filter,
      minVisibility: [visibilityToken],
    });
    expect(totalEvents).toBe(31n);
  });
});
