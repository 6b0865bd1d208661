/** The typed client in Chromium, beside the protocols of tests/contract/protocols-events.test.ts. */
import { create } from "@bufbuild/protobuf";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import type * as web from "../../client/web/index.ts";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { IngestResult } from "../../gen/analytics/v1/ingestion_pb.js";
import { bundle, launchBrowser, type Site, serveSite } from "../support/browser.ts";
import { requestLine } from "../support/request-log.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { clientWay, type Way } from "../support/ways.ts";

/** What the page's script puts on the window. */
declare const client: typeof web;

let server: RunningServer;
let browser: Browser;
let site: Site;
let page: Page;
let weir: WeirClient;
let inNode: Way;

beforeAll(async () => {
  // At debug its log has a line for every call.
  server = await startServer({ env: { WEIR_LOG_LEVEL: "debug" } });
  weir = createWeirClient({ url: server.url });
  inNode = clientWay({ name: "Node", protocol: "grpc", asksBy: "POST" }, weir.transport);
  browser = await launchBrowser();
  const script = await bundle({
    text: `import * as client from "./client/web/index.ts"; globalThis.client = client;`,
  });
  site = await serveSite({
    "/index.html": '<!doctype html><title>test</title><script type="module" src="/client.js"></script>',
    "/client.js": script,
  });
  page = await browser.newPage();
  await page.goto(site.url);
  await page.waitForFunction(() => "client" in globalThis);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
  await weir?.close();
  await server?.stop();
});

test.each([
  { transport: "connect", format: "binary" },
  { transport: "connect", format: "json" },
  { transport: "connect", format: "binary", httpGet: true },
  { transport: "grpc-web", format: "binary" },
] as const)(
  "an event of Node is a duplicate in Chromium with %j, and the other way round",
  async (options) => {
    const event = { id: "e-1", name: "click", properties: { page: "/" }, measures: { ms: 1.5 } };
    const sent = async (userId: string) =>
      IngestResult[
        (await inNode.send(create(EventSchema, { ...event, userId }), crypto.randomUUID())).result
      ];
    const names = {
      first: `Node, ${JSON.stringify(options)}`,
      second: `Chromium, ${JSON.stringify(options)}`,
    };
    const ids = { sending: crypto.randomUUID(), reading: crypto.randomUUID() };

    expect(await sent(names.first)).toBe("ACCEPTED");
    const answer = await page.evaluate(
      async ({ url, options, event, names, ids }) => {
        const weir = client.createWeirClient({ url, ...options });
        const again = await weir.ingestion.ingestEvent({ event: { ...event, userId: names.first } });
        const own = await weir.ingestion.ingestEvent(
          { event: { ...event, userId: names.second } },
          { headers: { "x-request-id": ids.sending } },
        );
        const { events } = await weir.analytics.getUserAnalytics(
          { userId: names.second, minVisibility: [own.visibilityToken] },
          { headers: { "x-request-id": ids.reading } },
        );
        await weir.close();
        return {
          results: [again.result, own.result].map((result) => client.IngestResult[result]),
          events: events.map(({ event }) => event && { ...event, timestamp: undefined }),
        };
      },
      { url: server.url, options, event, names, ids },
    );
    expect(answer.results).toEqual(["DUPLICATE", "ACCEPTED"]);
    expect(answer.events).toMatchObject([{ ...event, userId: names.second }]);
    expect(await sent(names.second)).toBe("DUPLICATE");

    const protocol = options.transport;
    expect(await requestLine(server, ids.sending)).toMatchObject({ protocol, verb: "POST" });
    const verb = "httpGet" in options ? "GET" : "POST";
    expect(await requestLine(server, ids.reading)).toMatchObject({ protocol, verb });
  },
);
