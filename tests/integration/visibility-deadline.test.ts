import { afterAll, beforeAll, expect, test } from "vitest";
import { createSeal } from "../../src/domain/seal.ts";
import { createTokenCodec } from "../../src/visibility/token.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const secret = "a secret that the test knows";
let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ env: { WEIR_TOKEN_SECRET: secret } });
});
afterAll(() => server.stop());

/** A token of this server for records that are not there. */
async function unreachableToken(): Promise<string> {
  const body = JSON.stringify({ event: { id: "e", user_id: "u" } });
  const headers = { "content-type": "application/json" };
  const sent = await fetch(`${server.url}/v1/events`, { method: "POST", headers, body });
  const { visibility_token } = (await sent.json()) as { visibility_token: string };
  const seal = createSeal({ secret: Buffer.from(secret), purpose: "visibility", field: "", refusal: "" });
  // The project `default` comes before the log's id.
  const logId = seal
    .open(visibility_token, null)
    .subarray(8 + 1, 8 + 1 + 32)
    .toString();
  return createTokenCodec(Buffer.from(secret), logId).encode("default", new Map([[0, 1_000_000]]));
}

test("what is not visible by the deadline is DEADLINE_EXCEEDED with NOT_YET_VISIBLE, never a stale answer", async () => {
  const query = new URLSearchParams({ min_visibility: await unreachableToken() });
  const answer = await fetch(`${server.url}/v1/analytics/summary?${query}`, {
    headers: { "connect-timeout-ms": "200" },
  });
  expect(answer.status).toBe(504);
  expect(await answer.json()).toMatchObject({ code: 4, details: [{ reason: "NOT_YET_VISIBLE" }] });
});
