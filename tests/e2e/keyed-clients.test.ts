/** One key from `weir keys create` on a stopped server, in every client that there is; and its end. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { createWeirClient, errorReason } from "../../client/node/index.ts";
import type * as web from "../../client/web/index.ts";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { EventIngestionService, IngestResult } from "../../gen/analytics/v1/ingestion_pb.js";
import { bundle, launchBrowser, serveSite } from "../support/browser.ts";
import { bufCurl, bufProtocols } from "../support/buf-curl.ts";
import { curl } from "../support/curl.ts";
import { findGrpcurl, grpcurl } from "../support/grpcurl.ts";
import { makeDataDirectory, removeDataDirectory } from "../support/pipeline.ts";
import type { Finished } from "../support/process.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

/** What the page's script puts on the window. */
declare const client: typeof web;

const grpcurlPath = await findGrpcurl();
const { ingestEvent } = EventIngestionService.method;

let dataDir: string;
let admin: string;
let server: RunningServer;
/** Its second address, the one that others would use. */
let url: string;
beforeAll(async () => {
  dataDir = await makeDataDirectory();
  const made = await weir([
    "keys",
    "create",
    "--project",
    "shop",
    "--scopes",
    "admin",
    "--data-dir",
    dataDir,
  ]);
  expect(made.code, made.stderr).toBe(0);
  admin = made.stdout.trim();
  server = await startServer({ dataDir, listen: "127.0.0.1:0,0.0.0.0:0" });
  const urls = [...server.log().matchAll(/"url":"(http:[^"]+)"/g)].map(([, one]) => one!);
  url = (urls[1] ?? server.url).replace("0.0.0.0", "127.0.0.1");
});
afterAll(async () => {
  await server?.stop();
  await removeDataDirectory(dataDir);
});

async function newKey(...args: string[]): Promise<{ key_id: string; secret: string }> {
  const { code, stdout, stderr } = await weir(["keys", "create", "--json", "--url", url, ...args], {
    env: { WEIR_API_KEY: admin },
  });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

const revoke = (id: string) => weir(["keys", "revoke", id, "--url", url], { env: { WEIR_API_KEY: admin } });
const eventJson = (userId: string) => ({ event: { id: "e", userId, name: "click" } });

/** Each sends one event with a key. @returns OK, or the name of the code */
const ways: Record<string, (key: string) => Promise<string>> = {
  "curl with x-api-key": (key) => restBy(`x-api-key: ${key}`),
  "curl with a bearer": (key) => restBy(`authorization: Bearer ${key}`),
  "the Node client": (key) => clientBy(createWeirClient({ url, apiKey: key })),
  "the Node client over Connect": (key) =>
    clientBy(createWeirClient({ url, apiKey: key, transport: "connect" })),
  ...Object.fromEntries(
    bufProtocols.map((protocol) => [
      `buf curl --protocol ${protocol}`,
      async (key: string) =>
        ofCommand(
          await bufCurl({ url, protocol, headers: { "x-api-key": key } }, ingestEvent, eventJson("buf")),
        ),
    ]),
  ),
  ...(grpcurlPath === undefined
    ? {}
    : {
        grpcurl: async (key: string) => {
          const call = { path: grpcurlPath, url, headers: { authorization: `Bearer ${key}` } };
          return ofCommand(await grpcurl(call, ingestEvent, eventJson("grpcurl")));
        },
      }),
};

async function restBy(header: string): Promise<string> {
  const body = JSON.stringify({ event: { id: "e", user_id: "curl", name: "click" } });
  const { status } = await curl(
    "-H",
    "content-type: application/json",
    "-H",
    header,
    "-d",
    body,
    `${url}/v1/events`,
  );
  return status === 200 ? "OK" : status === 401 ? "Unauthenticated" : String(status);
}

async function clientBy(typed: ReturnType<typeof createWeirClient>): Promise<string> {
  try {
    await typed.ingestion.ingestEvent({
      event: create(EventSchema, { id: "e", userId: "node", name: "click" }),
    });
    return "OK";
  } catch (error) {
    return Code[ConnectError.from(error).code]!;
  } finally {
    await typed.close();
  }
}

function ofCommand({ code, stdout, stderr }: Finished): string {
  if (code === 0) return "OK";
  // buf tells of a refused reflection in no other words.
  return /unauthenticated|failed to find service named/i.test(stdout + stderr)
    ? "Unauthenticated"
    : stdout + stderr;
}

describe.each(Object.entries(ways))("%s", (_, send) => {
  it("is let in with a key, and not without, nor once it is revoked", async () => {
    const { key_id, secret } = await newKey("--scopes", "ingest");
    expect(await send(secret)).toBe("OK");
    expect(await send(`${secret}x`)).toBe("Unauthenticated");
    expect((await revoke(key_id)).code).toBe(0);
    expect(await send(secret)).toBe("Unauthenticated");
  });
});

test("the browser client sends with a browser key from its page, and from no other", async () => {
  const script = await bundle({
    text: `import * as client from "./client/web/index.ts"; globalThis.client = client;`,
  });
  const html = '<!doctype html><title>test</title><script type="module" src="/client.js"></script>';
  const files = { "/index.html": html, "/client.js": script };
  const [shop, evil] = [await serveSite(files), await serveSite(files)];
  const { key_id, secret } = await newKey("--scopes", "ingest", "--origins", new URL(shop.url).origin);
  const browser = await launchBrowser();
  try {
    const send = async (site: string, transport: "connect" | "grpc-web") => {
      const page = await browser.newPage();
      await page.goto(site);
      await page.waitForFunction(() => "client" in globalThis);
      return page.evaluate(
        async ({ url, secret, transport }) => {
          const weir = client.createWeirClient({ url, apiKey: secret, transport, retry: { maxAttempts: 1 } });
          try {
            const event = { userId: "page", name: "click" };
            return String((await weir.ingestion.ingestEvent({ event })).result);
          } catch (error) {
            return client.errorReason(error) ?? "no answer";
          }
        },
        { url, secret, transport },
      );
    };
    for (const transport of ["connect", "grpc-web"] as const) {
      expect(await send(shop.url, transport)).toBe(String(IngestResult.ACCEPTED));
      // Its preflight gets no permission, so the request is never sent.
      expect(await send(evil.url, transport)).toBe("no answer");
    }
    await revoke(key_id);
    // With its last page's key the origin is a stranger again.
    expect(await send(shop.url, "connect")).toMatch(/^(REVOKED_KEY|no answer)$/);
  } finally {
    await browser.close();
    await shop.close();
    await evil.close();
  }
});

test("a long stream ends as its key is revoked, and a new one is refused", async () => {
  const { key_id, secret } = await newKey("--scopes", "query");
  const typed = createWeirClient({ url, apiKey: secret });
  const tail = () => typed.analytics.getRealTimeAnalytics({})[Symbol.asyncIterator]();
  const first = tail();
  expect((await first.next()).done).toBe(false);
  await revoke(key_id);
  const failed = await tail()
    .next()
    .catch((error: unknown) => ConnectError.from(error).code);
  expect(failed).toBe(Code.Unauthenticated);
  const toItsEnd = async () => {
    while ((await first.next()).done !== true);
  };
  expect(await toItsEnd().catch(errorReason)).toBe("REVOKED_KEY");
  await typed.close();
});
