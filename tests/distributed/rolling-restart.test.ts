/** Three processes under load, each ended by SIGTERM and started again in turn: callers whose clients try again see nothing. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { createWeirClient, Durability, type WeirClient } from "../../client/node/index.ts";
import { type Role, roles } from "../../src/domain/roles.ts";
import { allApplied } from "../support/faults/exact.ts";
import { patiently } from "../support/faults/load.ts";
import { getJson } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";

/** Until its deadline, however often: a process is away for as long as it takes to end and to start. */
const retrying = { timeoutMs: 120_000, retry: { maxAttempts: 1_000, maxDelayMs: 500 } };

let installation: Installation;
let servers: Record<Role, RunningServer>;
let clients: Record<Role, WeirClient>;
let running = true;
const loops: Promise<void>[] = [];

beforeAll(async () => {
  installation = await startInstallation();
  servers = await installation.serveEach();
  const each = roles.map((role) => [role, createWeirClient({ url: servers[role].url, ...retrying })]);
  clients = Object.fromEntries(each) as Record<Role, WeirClient>;
});
afterEach(async () => {
  running = false;
  await Promise.allSettled(loops);
});
afterAll(async () => {
  for (const client of Object.values(clients ?? {})) await client.close();
  for (const server of Object.values(servers ?? {})) await server.stop();
  await installation?.close();
});

let sent = 0;
let acknowledged = 0;
/** Answers that each role has given to its callers. */
const answers: Record<Role, number> = { ingest: 0, consumer: 0, analytics: 0 };

/** Calls again and again; a failure ends it, and the test with it. */
function keepCalling(role: Role, call: () => Promise<void>): void {
  const loop = async () => {
    while (running) {
      await call();
      answers[role]++;
    }
  };
  const ended = loop();
  // What goes wrong is told when all of them are awaited.
  ended.catch(() => {});
  loops.push(ended);
}

async function send(): Promise<string> {
  const number = sent++;
  const event = { id: `rolling-${number}`, userId: `user-${number % 50}`, name: "rolling" };
  const durability = number % 10 === 0 ? Durability.APPLIED : Durability.DURABLE;
  const { success, visibilityToken } = await clients.ingest.ingestion.ingestEvent({
    event,
    options: { durability },
  });
  expect(success).toBe(true);
  acknowledged++;
  return visibilityToken;
}

async function readOwnWrite(): Promise<void> {
  const token = await send();
  const { totalEvents } = await clients.analytics.analytics.getAnalyticsSummary({ minVisibility: [token] });
  expect(Number(totalEvents)).toBeGreaterThan(0);
  expect(Number(totalEvents)).toBeLessThanOrEqual(sent);
}

const statusOf = async (role: Role, path: string) => (await fetch(`${servers[role].url}${path}`)).status;

async function moreAnswers(of: readonly Role[]): Promise<void> {
  const before = { ...answers };
  await vi.waitFor(() => {
    for (const role of of) expect(answers[role], role).toBeGreaterThan(before[role]);
  }, patiently);
}

it("loses no call and no event, and says at each moment who is ready", async () => {
  for (let i = 0; i < 4; i++) {
    keepCalling("ingest", async () => {
      await send();
    });
  }
  keepCalling("analytics", readOwnWrite);
  keepCalling("consumer", async () => {
    await clients.consumer.consumer.getConsumerLag({});
  });
  await moreAnswers(roles);

  for (const role of roles) {
    const others = roles.filter((other) => other !== role);
    expect(await servers[role].stop(), role).toBe(0);
    await expect(fetch(`${servers[role].url}/ready`)).rejects.toThrow();
    for (const other of others) {
      expect(await statusOf(other, "/ready"), `${other} without ${role}`).toBe(200);
      expect(await statusOf(other, "/health"), `${other} without ${role}`).toBe(200);
    }
    if (role === "consumer") await moreAnswers(["ingest"]);
    servers[role] = await servers[role].restart();
    expect(await statusOf(role, "/ready")).toBe(200);
    await vi.waitFor(
      async () => expect(await getJson(servers[role].url, "/health")).toMatchObject({ status: "healthy" }),
      patiently,
    );
    await moreAnswers(roles);
  }

  running = false;
  await Promise.all(loops.splice(0));
  expect(acknowledged).toBe(sent);
  await allApplied([servers.ingest.url]);
  const { totalEvents, topEvents } = await clients.analytics.analytics.getAnalyticsSummary({
    filter: 'name == "rolling"',
  });
  expect(Number(totalEvents)).toBe(sent);
  expect(topEvents).toMatchObject([{ name: "rolling", events: BigInt(sent) }]);
});
