import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle, launchBrowser, type Site, serveSite } from "../support/browser.ts";
import { runToEnd } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
let browser: Browser;
let site: Site;
beforeAll(async () => {
  server = await startServer();
  browser = await launchBrowser();
  site = await serveSite({
    "/index.html": { file: "examples/web/index.html" },
    "/app.js": await bundle({ entry: "examples/web/app.ts" }),
  });
});
afterAll(async () => {
  await site?.close();
  await browser?.close();
  await server?.stop();
});

describe("the examples", () => {
  it("for Node sends events and counts them, and again adds none", async () => {
    const run = () => runToEnd("examples/node/send-and-ask.ts", [], { env: { WEIR_URL: server.url } });
    const counted = /3 events of 2 users\n {2}page_view: 2 of 2 users\n {2}signup: 1 of 1 users\n$/;
    const first = await run();
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(/^accepted 3, duplicates 0\n/);
    expect(first.stdout).toMatch(counted);
    const second = await run();
    expect(second.stdout).toMatch(/^accepted 0, duplicates 3\n/);
    expect(second.stdout).toMatch(counted);
  });

  it.each(["connect", "grpc-web"])(
    "for the browser sends an event over %s and shows what counts it",
    async (transport) => {
      const page = await browser.newPage();
      await page.goto(site.url);
      await page.fill("#url", server.url);
      await page.selectOption("#transport", transport);
      await page.fill("#user", `browser-${transport}`);
      await page.fill("#name", `click-${transport}`);
      await page.click("button");
      await page.getByText(/^\d+ events of \d+ users$/).waitFor();
      const cells = await page
        .locator("#top tr", { hasText: `click-${transport}` })
        .locator("td")
        .allTextContents();
      expect(cells).toEqual([`click-${transport}`, "1", "1"]);
      await page.close();
    },
  );

  it("for the browser says what is wrong", async () => {
    const page = await browser.newPage();
    await page.goto(site.url);
    await page.fill("#url", server.url);
    await page.fill("#user", "null");
    await page.click("button");
    await page.getByText(/invalid_argument.*user_id/).waitFor();
    await page.close();
  });
});
