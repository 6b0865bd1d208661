/** Data directories of every older format, as their versions wrote them: opened as those of the project `default`. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWeirClient, errorReason, IngestResult, type WeirClient } from "../../client/node/index.ts";
import { oldDeadLetter, oldEvents } from "../support/formats/events.ts";
import { deadLetterRecord, writeLog1 } from "../support/formats/log-1.ts";
import { writeStore1 } from "../support/formats/store-1.ts";
import { writeStore2 } from "../support/formats/store-2.ts";
import { writeStore3 } from "../support/formats/store-3.ts";
import { token1 } from "../support/formats/token-1.ts";
import { makeDataDirectory, removeDataDirectory } from "../support/pipeline.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

/** Of everything on the log. */
const whole = [
  token1([
    [2, 3],
    [4, 1],
    [6, 1],
  ]),
];
/** What it holds, newest first. */
const stored = oldEvents
  .toReversed()
  .map(({ id, userId, sessionId, name, source, properties, measures }) => ({
    ...{ id, userId, sessionId, name, source, properties, measures },
  }));

let dataDir: string;
let receivedMs: number;
let server: RunningServer | undefined;
const clients: WeirClient[] = [];
beforeEach(async () => {
  dataDir = await makeDataDirectory();
  receivedMs = Date.now();
  await writeLog1(join(dataDir, "log"), receivedMs);
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await server?.stop();
  server = undefined;
  await removeDataDirectory(dataDir);
});

/** Starts this version on it. @returns clients of the project `default` and of another one */
async function start(): Promise<[own: WeirClient, other: WeirClient]> {
  const keyOf = async (project: string) => {
    const flags = ["--project", project, "--scopes", "ingest,query,admin", "--data-dir", dataDir];
    const { code, stdout, stderr } = await weir(["keys", "create", ...flags]);
    expect(code, stderr).toBe(0);
    return stdout.trim();
  };
  const keys = [await keyOf("default"), await keyOf("shop")];
  server = await startServer({ dataDir, args: ["--auth", "required"] });
  for (const apiKey of keys) clients.push(createWeirClient({ url: server.url, apiKey }));
  return [clients[0]!, clients[1]!];
}

const eventsOf = async ({ analytics }: WeirClient, minVisibility: string[] = []) =>
  (await analytics.listEvents({ minVisibility })).events.map(({ event }) => event);
const lettersOf = async ({ admin }: WeirClient) => (await admin.listDeadLetters({})).deadLetters;

/** That all of it is the project default's, and none of it another's. */
async function expectWhole(own: WeirClient, other: WeirClient): Promise<void> {
  expect(await eventsOf(own, whole)).toMatchObject(stored);
  expect(await eventsOf(other)).toEqual([]);
  const { partition, offset, reason } = oldDeadLetter;
  expect(await lettersOf(own)).toMatchObject([{ partition, offset: BigInt(offset), reason }]);
  expect(await lettersOf(other)).toEqual([]);
  const filter = 'properties.plan == "pro" && measures.seconds > 12.0';
  expect((await own.analytics.getAnalyticsSummary({ filter })).totalEvents).toBe(1n);
}

describe.each([
  [1, writeStore1],
  [2, writeStore2],
  [3, writeStore3],
])("with a store of schema version %i", (_, writeStore) => {
  it("it is whole, goes on, and stays so through a kill -9", async () => {
    await writeStore(join(dataDir, "store.duckdb"), { receivedMs, deadLetter: deadLetterRecord(receivedMs) });
    const [own, other] = await start();
    await expectWhole(own, other);
    const asked = other.analytics.getAnalyticsSummary({ minVisibility: whole });
    expect(errorReason(await asked.catch((error: unknown) => error))).toBe("INVALID_TOKEN");

    // What it has is known again, by project; its settings are there to be set.
    const send = async ({ ingestion }: WeirClient, event: { id: string; userId: string; name: string }) =>
      (await ingestion.ingestEvent({ event })).result;
    for (const { id, userId, name } of oldEvents) {
      expect(await send(own, { id, userId, name })).toBe(IngestResult.DUPLICATE);
    }
    expect(await send(other, { id: "view-1", userId: "ann", name: "page_view" })).toBe(IngestResult.ACCEPTED);
    const settings = { retentionDays: 30_000 };
    await own.admin.updateProjectSettings({ settings });

    await server!.kill9();
    server = await server!.restart();
    expect((await own.admin.getProjectSettings({})).settings).toMatchObject(settings);
    expect(await eventsOf(own, whole)).toMatchObject(stored);
    expect(await lettersOf(own)).toHaveLength(1);
  });
});

describe("without its store", () => {
  it("it is applied again from its log", async () => {
    const [own, other] = await start();
    const event = { userId: "new", name: "later" };
    const { visibilityToken } = await own.ingestion.ingestEvent({ event });
    await own.analytics.getAnalyticsSummary({ minVisibility: [visibilityToken] });
    expect(await eventsOf(own, whole)).toMatchObject([{ name: "later" }, ...stored]);
    expect(await lettersOf(own)).toMatchObject([{ partition: 2, offset: 2n }]);
    expect(await eventsOf(other)).toEqual([]);
  });
});
