/** A data directory that was written before projects existed belongs to the project `default`. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWeirClient, errorReason, IngestResult, type WeirClient } from "../../client/node/index.ts";
import { runCommand } from "../support/command.ts";
import { makeDataDirectory, removeDataDirectory } from "../support/pipeline.ts";
import { repository, weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const archive = join(repository, "tests/support/data-directories/before-projects.tar.gz");
/** What its first event was answered with. */
const tokenOfThen = "eSuV1S5vTy1_R33Hkaz-HQdkZWZhdWx0IGJjNjg2NWRiNDY5MzRlZDk4Mjg4ZmFmMGJkNzI0YmUzAgE";
/** What it holds, newest first. */
const stored = [
  { id: "flat-1", userId: "zoë", name: "signup", properties: { trial: "true" }, measures: { seats: 3 } },
  { id: "view-1", userId: "bob", name: "page_view" },
  { id: "buy-1", userId: "ann", name: "purchase", measures: { "transaction.amount": 19.5 } },
  { id: "view-1", userId: "ann", name: "page_view", sessionId: "s-1", properties: { plan: "pro" } },
];

let dataDir: string;
let server: RunningServer | undefined;
let own: WeirClient;
let other: WeirClient;
beforeEach(async () => {
  dataDir = await makeDataDirectory();
  const { code, stderr } = await runCommand("tar", ["-xzf", archive, "-C", dataDir]);
  expect(code, stderr).toBe(0);
});
afterEach(async () => {
  await own?.close();
  await other?.close();
  await server?.stop();
  server = undefined;
  await removeDataDirectory(dataDir);
});

/** Starts this version on it, with a key of the project `default` and one of another project. */
async function start(): Promise<void> {
  const keyOf = async (project: string) => {
    const flags = ["--project", project, "--scopes", "ingest,query,admin", "--data-dir", dataDir];
    const { code, stdout, stderr } = await weir(["keys", "create", ...flags]);
    expect(code, stderr).toBe(0);
    return stdout.trim();
  };
  const [ownKey, otherKey] = [await keyOf("default"), await keyOf("shop")];
  const started = await startServer({ dataDir, args: ["--auth", "required"] });
  server = started;
  own = createWeirClient({ url: started.url, apiKey: ownKey });
  other = createWeirClient({ url: started.url, apiKey: otherKey });
}

const eventsOf = async ({ analytics }: WeirClient) =>
  (await analytics.listEvents({})).events.map(({ event }) => event);

describe("a data directory of before", () => {
  it("is the project default's, whole, and no other's", async () => {
    await start();
    expect(await eventsOf(own)).toMatchObject(stored);
    expect(await eventsOf(other)).toEqual([]);
    const asked = { minVisibility: [tokenOfThen] };
    expect((await own.analytics.getAnalyticsSummary(asked)).totalEvents).toBe(4n);
    const refused = await other.analytics.getAnalyticsSummary(asked).catch((error: unknown) => error);
    expect(errorReason(refused)).toBe("INVALID_TOKEN");
  });

  it("goes on: what it has is known again, by project, and its settings are there to be set", async () => {
    await start();
    const event = { id: "view-1", userId: "ann", name: "page_view" };
    const send = async ({ ingestion }: WeirClient) => (await ingestion.ingestEvent({ event })).result;
    expect(await send(own)).toBe(IngestResult.DUPLICATE);
    expect(await send(other)).toBe(IngestResult.ACCEPTED);
    const settings = { retentionDays: 30_000 };
    await own.admin.updateProjectSettings({ settings });
    expect((await own.admin.getProjectSettings({})).settings).toMatchObject(settings);
  });

  it("without its store is applied again from its log, as the same project's", async () => {
    await rm(join(dataDir, "store.duckdb"));
    await start();
    const { visibilityToken } = await own.ingestion.ingestEvent({ event: { userId: "new", name: "later" } });
    await own.analytics.getAnalyticsSummary({ minVisibility: [visibilityToken, tokenOfThen] });
    expect(await eventsOf(own)).toMatchObject([{ name: "later" }, ...stored]);
    expect(await eventsOf(other)).toEqual([]);
  });
});
