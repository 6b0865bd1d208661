import { expect, it, vi } from "vitest";
import { caughtUp, getJson, summary } from "../support/figures.ts";
import {
  applied,
  eventRecord,
  makeDataDirectory,
  openPipeline,
  removeDataDirectory,
} from "../support/pipeline.ts";
import { startServer } from "../support/server.ts";
import { timestamp } from "../support/store.ts";

const hour = 3_600_000;

/** Appends an event for each id, a block each, as a server of that time would have. */
async function fill(directory: string, nowMs: number, ids: readonly string[]): Promise<void> {
  const pipeline = await openPipeline(directory, { clock: { nowMs } });
  const consumer = pipeline.consumer();
  consumer.start();
  try {
    for (const id of ids) {
      await pipeline.log.append([eventRecord({ id, receivedMs: nowMs, timestamp: timestamp(nowMs * 1000) })]);
    }
    await applied(pipeline);
  } finally {
    await consumer.stop();
    await pipeline.close();
  }
}

it("removes rows, log records and ids of the ages that are set, and nothing younger", async () => {
  const dataDir = await makeDataDirectory();
  await fill(dataDir, Date.now() - 3 * hour, ["old-1", "old-2", "old-3"]);
  await fill(dataDir, Date.now(), ["young-1", "young-2"]);
  const args = ["--retention", "2h", "--log-retention", "1h", "--dedup-window", "2h"];
  const server = await startServer({ dataDir, args });
  try {
    expect((await summary(server.url)).total_events).toBe("5");
    const send = async (id: string) => {
      const response = await fetch(`${server.url}/v1/events`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ event: { id, user_id: "alice", name: "again" } }),
      });
      return (await response.json()).result;
    };
    // An id is forgotten on time, whether it has been removed or not.
    expect(await send("old-1")).toBe("INGEST_RESULT_ACCEPTED");
    expect(await send("young-1")).toBe("INGEST_RESULT_DUPLICATE");
    await caughtUp(server.url);

    // What is old goes once a minute.
    const starts = async () => {
      const { producer } = await getJson(server.url, "/stats");
      return Math.max(...producer.log.starts);
    };
    await vi.waitFor(async () => expect((await summary(server.url)).total_events).toBe("3"), {
      timeout: 120_000,
      interval: 500,
    });
    await vi.waitFor(async () => expect(await starts()).toBe(3), { timeout: 20_000 });
    expect(await send("old-1")).toBe("INGEST_RESULT_DUPLICATE");
    expect(await send("young-2")).toBe("INGEST_RESULT_DUPLICATE");
  } finally {
    await server.stop();
    await removeDataDirectory(dataDir);
  }
});
