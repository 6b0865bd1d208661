/** A stream ends with the key or token that began it, whatever it streams and over every protocol. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createWeirClient,
  errorReason,
  type NodeWeirClientOptions,
  Scope,
  type WeirClient,
} from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { audience, issuer, jwks, type SigningKey, signingKey, token } from "../support/issuer.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const bootstrapKey = "the-operators-first-key-of-all";
const scopes = [Scope.INGEST, Scope.QUERY, Scope.PLATFORM];

let directory: string;
let signer: SigningKey;
let server: RunningServer;
let operator: WeirClient;
/** Sends events, by a key that stays. */
let sender: WeirClient;
const clients: WeirClient[] = [];
const as = (apiKey: string, transport: NodeWeirClientOptions["transport"] = "grpc"): WeirClient => {
  const client = createWeirClient({ url: server.url, apiKey, transport, retry: { maxAttempts: 1 } });
  clients.push(client);
  return client;
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-ended-"));
  signer = await signingKey("one");
  const keys = join(directory, "jwks.json");
  writeFileSync(keys, JSON.stringify(jwks(signer)));
  const tokens = ["--jwt-keys", keys, "--jwt-issuer", issuer, "--jwt-audience", audience, "--jwt-skew", "0s"];
  server = await startServer({
    args: ["--auth", "required", ...tokens],
    env: { WEIR_BOOTSTRAP_KEY: bootstrapKey },
  });
  operator = as(bootstrapKey);
  sender = as((await newKey()).secret);
  // What cannot be packed, and is more than fits on the way to a reader that takes nothing.
  const properties = () => ({ text: randomBytes(600).toString("base64") });
  const events = () =>
    Array.from({ length: 500 }, () => ({ userId: "u", name: "n", properties: properties() }));
  for (let i = 0; i < 12; i++) {
    await sender.ingestion.ingestEvents({ events: events(), options: { durability: Durability.APPLIED } });
  }
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await server.stop();
  rmSync(directory, { recursive: true });
});

async function newKey(expiresMs?: number) {
  const expires =
    expiresMs === undefined ? {} : { expireTime: { seconds: BigInt(Math.ceil(expiresMs / 1000)) } };
  const { key, secret } = await operator.admin.createApiKey({ name: "k", scopes, ...expires });
  return { keyId: key!.keyId, secret };
}

/** A stream of which one message was read. */
interface Opened {
  /** Reads it to its end. @returns the reason of the error that ended it, with its code */
  end(): Promise<string>;
}

async function open(name: string, stream: AsyncIterable<unknown>): Promise<Opened> {
  const iterator = stream[Symbol.asyncIterator]();
  const endOf = (error: unknown) => `${name} ${ConnectError.from(error).code} ${errorReason(error)}`;
  const early = await iterator.next().then(() => undefined, endOf);
  return {
    async end() {
      if (early !== undefined) return early;
      try {
        while ((await iterator.next()).done !== true);
        return `${name} whole`;
      } catch (error) {
        return endOf(error);
      }
    },
  };
}

/** Every stream that goes on for as long as its caller likes. */
function endless({ ingestion, analytics, metrics }: WeirClient): Promise<Opened[]> {
  async function* requests() {
    yield { message: { case: "config" as const, value: {} } };
    await new Promise(() => {});
  }
  return Promise.all([
    open("StreamEvents", ingestion.streamEvents(requests())),
    open("TailEvents", analytics.tailEvents({})),
    open("GetRealTimeAnalytics", analytics.getRealTimeAnalytics({})),
    open("StreamMetrics", metrics.streamMetrics({})),
  ]);
}

/** The promise's outcome, while events come, without which a tail says nothing. */
async function whileSending<T>(promise: Promise<T>): Promise<T> {
  let over = false;
  const done = promise.finally(() => {
    over = true;
  });
  done.catch(() => {});
  while (!over) await sender.ingestion.ingestEvent({ event: { userId: "u", name: "n" } });
  return done;
}

const ended = (reason: string) =>
  ["StreamEvents", "TailEvents", "GetRealTimeAnalytics", "StreamMetrics"].map(
    (name) => `${name} 16 ${reason}`,
  );

describe("the streams of a key", () => {
  it.each(["grpc", "grpc-web", "connect"] as const)("end as it is revoked, over %s", async (transport) => {
    const [revoked, other] = [await newKey(), await newKey()];
    const client = as(revoked.secret, transport);
    // A reader that takes no more is told too, once it reads on.
    const held = await open("ExportEvents", client.analytics.exportEvents({}));
    const streams = await whileSending(endless(client));
    const [others] = await whileSending(Promise.all([open("", as(other.secret).analytics.tailEvents({}))]));
    await operator.admin.revokeApiKey({ keyId: revoked.keyId });
    const ends = await Promise.all(streams.map((stream) => stream.end()));
    expect(ends).toEqual(ended("REVOKED_KEY"));
    expect(await held.end()).toBe("ExportEvents 16 REVOKED_KEY");
    await operator.admin.revokeApiKey({ keyId: other.keyId });
    expect(await others!.end()).toBe(" 16 REVOKED_KEY");
  });

  it("end as it expires", async () => {
    const { secret } = await newKey(Date.now() + 2000);
    const streams = await whileSending(endless(as(secret)));
    const ends = await Promise.all(streams.map((stream) => stream.end()));
    expect(ends).toEqual(ended("EXPIRED_KEY"));
  });
});

it("the streams of a token end as it expires", async () => {
  const claims = { scope: "ingest query platform", exp: Math.ceil(Date.now() / 1000) + 2 };
  const streams = await whileSending(endless(as(await token(signer, claims))));
  const ends = await Promise.all(streams.map((stream) => stream.end()));
  expect(ends).toEqual(ended("TOKEN_EXPIRED"));
});
