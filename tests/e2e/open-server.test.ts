/** A server that is bound to loopback alone, and is told nothing about keys. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

it("is open, says so, and takes any key", async () => {
  expect(server.log()).toContain('"msg":"no key is needed: who reaches these addresses can read and write"');
  const status = async (path: string, headers: Record<string, string>) =>
    (await fetch(server.url + path, { headers })).status;
  for (const headers of [{}, { "x-api-key": "anything" }, { authorization: "Bearer a.b.c" }]) {
    for (const path of ["/v1/analytics/summary", "/v1/admin/projects", "/stats"]) {
      expect(await status(path, headers), path).toBe(200);
    }
  }
});
