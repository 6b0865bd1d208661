/** The API reference in Chromium: it fits every screen, and asks for nothing but itself. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
let browser: Browser;
beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

it("fits a phone as well as a screen, and leads to every place that it names", async () => {
  const page = await browser.newPage();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${server.url}/docs`);
  for (const width of [320, 400, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    // As text: the tests are compiled without the types of a page.
    expect(await page.evaluate("document.documentElement.scrollWidth"), `${width} pixels`).toBe(width);
  }
  const dead =
    "[...document.querySelectorAll('a')].map((a) => a.hash.slice(1)).filter((id) => id && !document.getElementById(id))";
  expect(await page.evaluate(dead)).toEqual([]);
  expect(asked.filter((path) => path !== "/favicon.ico")).toEqual(["/docs"]);
});
