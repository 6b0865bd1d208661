/** A cold backup by the line that docs/OPERATIONS.md has for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { createWeirClient, IngestResult } from "../../client/node/index.ts";
import { runCommand } from "../support/command.ts";
import { documentOf } from "../support/documented.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const directory = mkdtempSync(join(tmpdir(), "weir-backup-"));
let server: RunningServer | undefined;
afterEach(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true });
});

const start = () => startServer({ dataDir: join(directory, "data") });
async function shell(command: string): Promise<void> {
  const { code, stderr } = await runCommand("bash", ["-c", `cd ${directory} && ${command}`]);
  expect(code, stderr).toBe(0);
}

it("brings back what was there when it was made: events, ids and tokens", async () => {
  const line = /^tar -czf .+$/m.exec(documentOf("docs/OPERATIONS.md"))![0];
  const event = { id: "before", userId: "u", name: "kept" };
  server = await start();
  let client = createWeirClient({ url: server.url });
  const { visibilityToken } = await client.ingestion.ingestEvent({ event });
  await client.close();
  await server.stop();
  await shell(line);

  server = await start();
  client = createWeirClient({ url: server.url });
  await client.ingestion.ingestEvent({ event: { ...event, id: "after" } });
  await client.close();
  await server.stop();
  await shell("rm -r data && tar -xzf weir-backup.tar.gz");

  server = await start();
  client = createWeirClient({ url: server.url });
  const question = { minVisibility: [visibilityToken] };
  expect(await client.analytics.getAnalyticsSummary(question)).toMatchObject({ totalEvents: 1n });
  expect(await client.ingestion.ingestEvent({ event })).toMatchObject({ result: IngestResult.DUPLICATE });
  const again = { event: { ...event, id: "after" } };
  expect(await client.ingestion.ingestEvent(again)).toMatchObject({ result: IngestResult.ACCEPTED });
  await client.close();
});
