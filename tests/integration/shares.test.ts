/** What all callers have together does not go to one of them. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWeirClient, Scope, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { type RunningServer, startServer } from "../support/server.ts";

const bootstrapKey = "the-operators-first-key-of-all";

let server: RunningServer;
let operator: WeirClient;
let loud: string;
let quiet: string;
beforeAll(async () => {
  server = await startServer({
    args: ["--auth", "required", "--max-exports", "4", "--max-live-streams", "4"],
    env: { WEIR_BOOTSTRAP_KEY: bootstrapKey },
  });
  operator = createWeirClient({ url: server.url, apiKey: bootstrapKey });
  [loud, quiet] = [await newKey("loud"), await newKey("quiet")];
  // What cannot be packed, and is more than fits on the way to a reader that takes nothing.
  const client = createWeirClient({ url: server.url, apiKey: quiet });
  for (let i = 0; i < 12; i++) {
    const events = Array.from({ length: 500 }, () => ({
      userId: "u",
      name: "n",
      properties: { text: randomBytes(600).toString("base64") },
    }));
    await client.ingestion.ingestEvents({ events, options: { durability: Durability.APPLIED } });
  }
  await client.close();
});
afterAll(async () => {
  await operator.close();
  await server.stop();
});

async function newKey(name: string): Promise<string> {
  const scopes = [Scope.INGEST, Scope.QUERY];
  return (await operator.admin.createApiKey({ name, scopes })).secret;
}

/** How many places of the resource are taken. */
async function taken(resource: string): Promise<number> {
  const answer = await fetch(`${server.url}/metrics`, { headers: { "x-api-key": bootstrapKey } });
  const sample = `weir_resource_used{resource="${resource}"} `;
  const line = (await answer.text()).split("\n").find((one) => one.startsWith(sample));
  return Number(line?.slice(sample.length));
}

/** Status of an answer whose body nobody waits for, and the reason where it is a refusal. */
async function askExport(key: string): Promise<string> {
  const caller = new AbortController();
  const { signal } = caller;
  const answer = await fetch(`${server.url}/v1/analytics/export`, { headers: { "x-api-key": key }, signal });
  const { details } = answer.ok ? {} : ((await answer.json()) as { details?: { reason: string }[] });
  caller.abort();
  return `${answer.status} ${details?.[0]?.reason ?? ""}`.trimEnd();
}

describe("one key leaves half of the places to others", () => {
  it("for exports", async () => {
    const unread: Socket[] = [];
    for (let i = 1; i <= 2; i++) {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      socket.on("error", () => {});
      socket.pause();
      socket.write(`GET /v1/analytics/export HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${loud}\r\n\r\n`);
      unread.push(socket);
      await expect.poll(() => taken("exports"), { timeout: 10_000 }).toBe(i);
    }
    expect(await askExport(loud)).toBe("429 TOO_MANY_REQUESTS");
    expect(await askExport(quiet)).toBe("200");
    for (const socket of unread) socket.destroy();
    await expect.poll(() => taken("exports"), { timeout: 10_000 }).toBe(0);
    expect(await askExport(loud)).toBe("200");
  });

  it("for live streams", async () => {
    const retry = { maxAttempts: 1 };
    const [one, other] = [loud, quiet].map((apiKey) => createWeirClient({ url: server.url, apiKey, retry }));
    const open = async ({ analytics }: WeirClient) => {
      const stream = analytics.getRealTimeAnalytics({})[Symbol.asyncIterator]();
      await stream.next();
    };
    await open(one!);
    await open(one!);
    await expect(open(one!)).rejects.toThrow(/one caller may take 2 of the 4 places/);
    await open(other!);
    await one!.close();
    await other!.close();
  });
});
