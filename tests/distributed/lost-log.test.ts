/** Processes whose broker comes back from an older copy of its disk, and then takes new records. */

import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { RecordSchema } from "../../gen/analytics/v1/record_pb.js";
import { partitionOf } from "../../src/domain/partition.ts";
import { createGroupOffsets } from "../../src/log/kafka/membership/offsets.ts";
import { putOnLog } from "../support/faults/foreign.ts";
import { patiently } from "../support/faults/load.ts";
import { getJson } from "../support/figures.ts";
import { groupTool } from "../support/group-tool.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";

const userId = "somebody";
const partition = partitionOf(userId, 8);
let installation: Installation;

beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.close());

/** All of one user, and so on one partition. */
function send(server: RunningServer, name: string, i: number, durability = "DURABILITY_APPLIED") {
  const event = { id: `${name}-${i}`, user_id: userId, name };
  return fetch(`${server.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ event, options: { durability } }),
  });
}

async function sendAll(server: RunningServer, name: string, count: number, durability?: string) {
  for (let i = 0; i < count; i++) {
    expect(await (await send(server, name, i, durability)).json()).toMatchObject({
      result: "INGEST_RESULT_ACCEPTED",
    });
  }
}

const readiness = async ({ url }: RunningServer) =>
  (await (await fetch(`${url}/ready`)).json()) as { ready: boolean; failing: string[] };

/** Records of the same user, by another program, which asks nobody. */
async function putForeign(name: string, count: number): Promise<void> {
  const receivedTime = timestampFromDate(new Date());
  const records = Array.from({ length: count }, (_, i) => {
    const event = { id: `${name}-${i}`, userId, name };
    const record = create(RecordSchema, { project: "default", receivedTime, event });
    return { key: userId, partition, value: toBinary(RecordSchema, record) };
  });
  await putOnLog(installation, records);
}

it("they stand still and say so, and what was put there meanwhile is applied once the group is put back", async () => {
  const { kafka } = installation;
  const { ingest, consumer, analytics } = await installation.serveEach();
  // It writes nothing itself, and knows only what is applied.
  const other = await installation.serve("ingest");
  await sendAll(ingest, "kept", 2);
  await kafka.kill9();
  await kafka.copyData();
  await kafka.restart();
  await sendAll(ingest, "gone", 5);
  await kafka.kill9();
  await kafka.loseToCopy();
  await kafka.restart();
  await putForeign("new", 9);

  const lost = new RegExp(`the tail of topic weir\\.events, partition ${partition}, is lost`);
  for (const server of [consumer, analytics]) {
    await vi.waitFor(async () => {
      const { ready, failing } = await readiness(server);
      expect(ready).toBe(false);
      expect(JSON.stringify(failing)).toMatch(lost);
    }, patiently);
    const told = () =>
      server
        .log()
        .split("\n")
        .filter((line) => line.includes('"stage":"log"') && lost.test(line));
    await vi.waitFor(() => expect(told()).toHaveLength(1), patiently);
  }
  for (const server of [ingest, other]) {
    const refused = await send(server, "more", 0);
    expect(refused.status).toBe(503);
    const answer = JSON.stringify(await refused.json());
    expect(answer).toContain("LOG_LOST");
    expect(answer).not.toContain("RetryInfo");
    expect((await readiness(server)).ready).toBe(false);
  }
  const count = async ({ url }: RunningServer, name: string) =>
    (await getJson(url, "/v1/analytics/summary", { filter: `name == "${name}"` })).total_events;
  expect(await count(analytics, "new")).toBe("0");

  await Promise.all([consumer, analytics, ingest, other].map((server) => server.stop()));
  const at = ["--topic", `weir.events:${partition}`, "--to-offset", "2"];
  await groupTool(installation, ["--reset-offsets", ...at, "--execute"]);
  const [, asked] = await Promise.all(["consumer", "analytics"].map((role) => installation.serve(role)));
  await vi.waitFor(async () => {
    expect(await count(asked!, "new")).toBe("9");
    expect(await count(asked!, "kept")).toBe("2");
  }, patiently);

  expect(await count(asked!, "gone")).toBe("0");

  // What stood before a position is kept with it, so that a start also finds what was lost while nobody looked.
  const offsets = createGroupOffsets({ connection: kafka, group: "weir", topic: "weir.events" });
  const commit = (await offsets.fetch([partition])).get(partition);
  await offsets.close();
  expect(commit).toMatchObject({ position: 11, mark: { end: 11, firstOffset: 2 } });
});
