/** Cold backups by the lines that docs/OPERATIONS.md and docs/CONTAINERS.md have for them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createWeirClient, IngestResult } from "../../client/node/index.ts";
import { runCommand } from "../support/command.ts";
import { documentOf } from "../support/documented.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let directory: string;
let server: RunningServer | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-backup-"));
});
afterEach(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true });
});

const start = () => startServer({ dataDir: join(directory, "data") });
async function shell(command: string): Promise<void> {
  const { code, stderr } = await runCommand("bash", ["-c", `cd ${directory} && ${command}`]);
  expect(code, stderr).toBe(0);
}

/** What is run in the container, on the volume at /data, is run here on the folder. */
const [copyVolume, putBack] = [
  ...documentOf("docs/CONTAINERS.md").matchAll(/^docker .* run .*--entrypoint tar weir (.+)$/gm),
].map(([, args]) => `tar ${args!.replace("/data", "data")}`);

const ways = [
  {
    document: "docs/OPERATIONS.md",
    copy: /^tar -czf .+$/m.exec(documentOf("docs/OPERATIONS.md"))![0],
    restore: "tar -xzf weir-backup.tar.gz",
  },
  { document: "docs/CONTAINERS.md", copy: copyVolume!, restore: `mkdir data && ${putBack}` },
];

it.each(ways)("$document brings back what was there: events, ids and tokens", async ({ copy, restore }) => {
  const event = { id: "before", userId: "u", name: "kept" };
  server = await start();
  let client = createWeirClient({ url: server.url });
  const { visibilityToken } = await client.ingestion.ingestEvent({ event });
  await client.close();
  await server.stop();
  await shell(copy);

  server = await start();
  client = createWeirClient({ url: server.url });
  await client.ingestion.ingestEvent({ event: { ...event, id: "after" } });
  await client.close();
  await server.stop();
  await shell(`rm -r data && ${restore}`);

  server = await start();
  client = createWeirClient({ url: server.url });
  const question = { minVisibility: [visibilityToken] };
  expect(await client.analytics.getAnalyticsSummary(question)).toMatchObject({ totalEvents: 1n });
  expect(await client.ingestion.ingestEvent({ event })).toMatchObject({ result: IngestResult.DUPLICATE });
  const again = { event: { ...event, id: "after" } };
  expect(await client.ingestion.ingestEvent(again)).toMatchObject({ result: IngestResult.ACCEPTED });
  await client.close();
});
