import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWeirClient, Durability, IngestResult, type WeirClient } from "../../client/node/index.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
let client: WeirClient;
beforeAll(async () => {
  server = await startServer();
  client = createWeirClient({ url: server.url });
});
afterAll(async () => {
  await client?.close();
  await server?.stop();
});

/** Events of one name, as the very next summary has them. */
async function counted(name: string, minVisibility: string[] = []): Promise<number> {
  const { totalEvents } = await client.analytics.getAnalyticsSummary({
    filter: `name == "${name}"`,
    minVisibility,
  });
  return Number(totalEvents);
}

const event = (name: string, i: number) => ({ id: `${name}-${i}`, userId: `user-${i % 9}`, name });

describe("an event that is acknowledged as APPLIED", () => {
  const options = { durability: Durability.APPLIED };

  it("is in the very next summary", async () => {
    for (let i = 0; i < 30; i++) {
      const { result } = await client.ingestion.ingestEvent({ event: event("applied", i), options });
      expect(result).toBe(IngestResult.ACCEPTED);
      expect(await counted("applied")).toBe(i + 1);
    }
  });

  it("is so as a duplicate, too", async () => {
    await client.ingestion.ingestEvent({ event: event("twice", 0) });
    const { result } = await client.ingestion.ingestEvent({ event: event("twice", 0), options });
    expect(result).toBe(IngestResult.DUPLICATE);
    expect(await counted("twice")).toBe(1);
  });

  it("is so in a batch over every partition, and from many callers at once", async () => {
    const batches = Array.from({ length: 10 }, (_, batch) =>
      Array.from({ length: 100 }, (_, i) => event("batch", batch * 100 + i)),
    );
    const seen = await Promise.all(
      batches.map(async (events) => {
        const { acceptedCount } = await client.ingestion.ingestEvents({ events, options });
        expect(acceptedCount).toBe(100);
        return counted("batch");
      }),
    );
    for (const count of seen) expect(count).toBeGreaterThanOrEqual(100);
    expect(await counted("batch")).toBe(1000);
  });
});

describe("a visibility token", () => {
  it("makes the next summary wait for the events that it stands for", async () => {
    for (let i = 0; i < 30; i++) {
      const { visibilityToken } = await client.ingestion.ingestEvent({ event: event("token", i) });
      expect(await counted("token", [visibilityToken])).toBe(i + 1);
    }
  });

  it("does so together with others, in every answer", async () => {
    const tokens = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const { visibilityToken } = await client.ingestion.ingestEvent({ event: event("many", i) });
        return visibilityToken;
      }),
    );
    const { events } = await client.analytics.listEvents({
      filter: 'name == "many"',
      minVisibility: tokens,
      pageSize: 1000,
    });
    expect(events).toHaveLength(20);
    expect(await counted("many")).toBe(20);
  });

  it("holds over a restart of the server", async () => {
    const { visibilityToken } = await client.ingestion.ingestEvent({ event: event("restart", 0) });
    await server.kill9();
    server = await server.restart();
    expect(await counted("restart", [visibilityToken])).toBe(1);
  });
});
