import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type * as web from "../../client/web/index.ts";
import { bundle, launchBrowser, type Site, serveSite } from "../support/browser.ts";
import { curl } from "../support/curl.ts";
import { type RunningServer, startServer } from "../support/server.ts";

/** What the page's script puts on the window. */
declare const client: typeof web;

let server: RunningServer;
let browser: Browser;
let site: Site;
let page: Page;
const html = '<!doctype html><title>test</title><script type="module" src="/client.js"></script>';
let script: string;

beforeAll(async () => {
  server = await startServer();
  browser = await launchBrowser();
  script = await bundle({
    text: `import * as client from "./client/web/index.ts"; globalThis.client = client;`,
  });
  site = await serveSite({ "/index.html": html, "/client.js": script });
});
afterAll(async () => {
  await site?.close();
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  page = await browser.newPage();
});
afterEach(() => page.close());

async function open(url: string): Promise<void> {
  await page.goto(url);
  await page.waitForFunction(() => "client" in globalThis);
}

describe.each([
  { transport: "connect", format: "binary" },
  { transport: "connect", format: "json" },
  { transport: "connect", format: "binary", httpGet: true },
  { transport: "grpc-web", format: "binary" },
] as const)("the client in Chromium with %j", (options) => {
  it("sends an event, reads it back and finds it a duplicate the second time", async () => {
    await open(site.url);
    const answer = await page.evaluate(
      async ({ url, options }) => {
        const weir = client.createWeirClient({ url, ...options });
        const userId = `u-${JSON.stringify(options)}`;
        const event = { id: "1", userId, name: "click", properties: { plan: "pro" } };
        const first = await weir.ingestion.ingestEvent({ event });
        const second = await weir.ingestion.ingestEvent({ event });
        const { events, profile } = await weir.analytics.getUserAnalytics({
          userId,
          minVisibility: [first.visibilityToken],
        });
        await weir.close();
        return {
          results: [first.result, second.result].map((result) => client.IngestResult[result]),
          total: String(profile?.totalEvents),
          names: events.map(({ event }) => event?.name),
        };
      },
      { url: server.url, options },
    );
    expect(answer).toEqual({ results: ["ACCEPTED", "DUPLICATE"], total: "1", names: ["click"] });
  });

  it("gets errors with their reason, over the border of origins", async () => {
    await open(site.url);
    const failure = await page.evaluate(
      async ({ url, options }) => {
        const weir = client.createWeirClient({ url, ...options });
        const headers = { "x-request-id": "from-the-page" };
        try {
          await weir.ingestion.ingestEvent({ event: { userId: "null" } }, { headers });
          return undefined;
        } catch (error) {
          const { code, metadata } = error as { code: number; metadata: Headers };
          return { code, reason: client.errorReason(error), requestId: metadata.get("x-request-id") };
        }
      },
      { url: server.url, options },
    );
    expect(failure).toEqual({ code: 3, reason: "INVALID_EVENT", requestId: "from-the-page" });
  });
});

describe("the client in Chromium", () => {
  it("refuses StreamEvents itself, with the reason", async () => {
    await open(site.url);
    const message = await page.evaluate(async (url) => {
      const weir = client.createWeirClient({ url });
      try {
        for await (const _ of weir.ingestion.streamEvents((async function* () {})())) return "an answer";
        return "an end";
      } catch (error) {
        return (error as Error).message;
      }
    }, server.url);
    expect(message).toMatch(
      /^\[unimplemented\] StreamEvents streams in both directions, which browsers cannot do/,
    );
  });

  it("is needed to write: what a page sends as a form or without a type, without a preflight, is not taken", async () => {
    await open(site.url);
    const send = (body: string) =>
      page.evaluate(
        async ({ url, body }) => {
          const headers = { "content-type": "application/x-www-form-urlencoded" };
          const post = { method: "POST", mode: "no-cors", headers, body } as const;
          await fetch(url, post);
          await fetch(url, { ...post, referrerPolicy: "no-referrer" });
          navigator.sendBeacon(url, new Blob([body], { type: headers["content-type"] }));
          await fetch(url, { method: "POST", mode: "no-cors", body: new Blob([body]) });
        },
        { url: `${server.url}/events`, body },
      );
    await send('{"user_id":"form","event_type":"click"}');
    // The same body from elsewhere than a browser is taken, so it is the browser that was refused.
    const data = ["-d", '{"user_id":"curl","event_type":"click"}', `${server.url}/events`];
    expect(JSON.parse((await curl(...data)).body)).toMatchObject({ success: true });
    const refused = () =>
      server
        .log()
        .split("\n")
        .filter((line) => line.includes('"reason":"UNSUPPORTED_MEDIA_TYPE"')).length;
    await expect.poll(refused).toBe(4);
    const asked = await curl("-G", `${server.url}/v1/analytics/users/form`);
    expect(asked.status).toBe(404);
  });

  it("on a page of a foreign origin is refused, and nothing is stored", async () => {
    await page.route("http://foreign.example/**", (route) =>
      route.fulfill(
        route.request().url().endsWith(".js")
          ? { contentType: "text/javascript", body: script }
          : { contentType: "text/html", body: html },
      ),
    );
    await open("http://foreign.example/");
    const code = await page.evaluate(async (url) => {
      const weir = client.createWeirClient({ url, retry: { maxAttempts: 1 } });
      const sent = weir.ingestion.ingestEvent({ event: { id: "1", userId: "foreign" } });
      return sent.then(
        () => 0,
        (error: { code: number }) => error.code,
      );
    }, server.url);
    expect(code).not.toBe(0);
    await page.unrouteAll();
    await open(site.url);
    const found = await page.evaluate(async (url) => {
      const weir = client.createWeirClient({ url });
      const user = weir.analytics.getUserAnalytics({ userId: "foreign" });
      return user.then(
        () => "found",
        (error: { code: number }) => error.code,
      );
    }, server.url);
    expect(found).toBe(5);
  });
});
