/** A server that has done nothing yet, and then next to nothing, as its dashboards show it. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createWeirClient } from "../../client/node/index.ts";
import { dashboards, everyPanelExplains, patiently } from "../support/prometheus/dashboards.ts";
import { type Prometheus, startPrometheus } from "../support/prometheus.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
let prometheus: Prometheus;
beforeAll(async () => {
  server = await startServer();
  const targets = [{ address: new URL(server.url).host, role: "all" }];
  prometheus = await startPrometheus({ targets });
});
afterAll(async () => {
  await prometheus?.close();
  await server?.stop();
});

it.each(dashboards)(
  "before the first event every panel of $title shows numbers, or says when none",
  async (one) => {
    await everyPanelExplains(prometheus, one);
  },
);

it("an event comes", async () => {
  const client = createWeirClient({ url: server.url });
  await client.ingestion.ingestEvent({ event: { userId: "u", name: "n" } });
  await client.close();
  await vi.waitFor(async () => {
    expect(await prometheus.query("weir_store_events")).toMatchObject([{ value: 1 }]);
  }, patiently);
});

it.each(dashboards)("after it every panel of $title shows numbers, or says when none", async (one) => {
  await everyPanelExplains(prometheus, one);
});
