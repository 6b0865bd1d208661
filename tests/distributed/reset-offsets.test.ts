/** An operator moves the group back, so that the log is applied anew from there. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import type { Role } from "../../src/domain/roles.ts";
import { groupTool } from "../support/group-tool.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";

const count = 3000;
let installation: Installation;
let servers: Record<Role, RunningServer>;
let ingest: WeirClient;
beforeAll(async () => {
  installation = await startInstallation();
  servers = await installation.serveEach();
  ingest = createWeirClient({ url: servers.ingest.url });
});
afterAll(async () => {
  await ingest?.close();
  await installation?.close();
});

/** Reason of the refusal, or what was counted. */
async function counted(tokens: readonly string[], deadlineMs: number): Promise<string> {
  const query = new URLSearchParams(tokens.map((token) => ["min_visibility", token]));
  const headers = { "connect-timeout-ms": String(deadlineMs) };
  const answer = await fetch(`${servers.analytics.url}/v1/analytics/summary?${query}`, { headers });
  const body = await answer.json();
  return body.total_events ?? body.details[0].reason;
}

it("a token that was reached waits until its events are applied anew, and no answer that was kept is given", async () => {
  const tokens: string[] = [];
  for (let from = 0; from < count; from += 1000) {
    const events = Array.from({ length: 1000 }, (_, i) => ({
      id: `e-${from + i}`,
      userId: `user-${i % 100}`,
      name: "again",
    }));
    const { visibilityToken } = await ingest.ingestion.ingestEvents({
      events,
      options: { durability: Durability.APPLIED },
    });
    tokens.push(visibilityToken);
  }
  expect(await counted(tokens, 10_000)).toBe(String(count));

  await servers.consumer.stop();
  await groupTool(installation, ["--reset-offsets", "--to-earliest", "--execute", "--topic", "weir.events"]);
  expect(await counted(tokens, 1000)).toBe("NOT_YET_VISIBLE");

  servers.consumer = await installation.serve("consumer");
  let answer = "";
  do answer = await counted(tokens, 10_000);
  while (answer === "NOT_YET_VISIBLE");
  expect(answer).toBe(String(count));
});
