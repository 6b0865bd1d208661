/** One caller who sends slowly, much, or nothing at all leaves room to others. */
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Scope } from "../../src/contract/options.ts";
import { sendRaw } from "../support/http.ts";
import { startPort, type TestPort } from "./transport-support.ts";

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const principals = ["loud", "quiet"].map((keyId) => ({
  project: "default",
  keyId,
  limits: {},
  scopes: new Set([Scope.INGEST]),
}));

/** A port that knows two keys by their names, and is told of nobody else whose they are. */
async function start(
  limits: Parameters<typeof startPort>[0] & object,
): Promise<TestPort & { asked(): number }> {
  let asked = 0;
  const port = await startPort({
    ...limits,
    authenticator: {
      authenticate: ({ key }) => {
        asked++;
        return principals.find(({ keyId }) => keyId === key) ?? new Promise(() => {});
      },
      allowsOrigin: () => false,
      refusalOf: () => undefined,
    },
  });
  ending.push(() => port.transport.close(0));
  return { ...port, asked: () => asked };
}

/** Begins a request that goes no further than this. */
type Begin = (url: string, key: string, length: number, body: string) => void;

const overHttp1: Begin = (url, key, length, body) => {
  const socket = connectTcp(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  const head = `POST /events HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\n`;
  socket.write(`${head}content-length: ${length}\r\n\r\n${body}`);
  ending.push(() => socket.destroy());
};

function beginHttp2(url: string, headers: Record<string, string>, body: string | Buffer): void {
  const session = connectHttp2(url);
  session.on("error", () => {});
  const stream = session.request({ ":method": "POST", ...headers }, { endStream: false });
  stream.on("error", () => {});
  if (body.length > 0) stream.write(body);
  ending.push(() => session.destroy());
}

const overHttp2: Begin = (url, key, length, body) =>
  beginHttp2(
    url,
    {
      ":path": "/events",
      "x-api-key": key,
      "content-type": "application/json",
      "content-length": String(length),
    },
    body,
  );

/** Begins a message of gRPC, whose head says its length. */
const overGrpc =
  (method: string): Begin =>
  (url, key, length, body) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(length, 1);
    const path = `/analytics.v1.EventIngestionService/${method}`;
    const headers = { ":path": path, "x-api-key": key, "content-type": "application/grpc", te: "trailers" };
    beginHttp2(url, headers, Buffer.concat([head, Buffer.from(body)]));
  };

const ways: [string, Begin][] = [
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
  ["gRPC", overGrpc("IngestEvents")],
  ["a stream of gRPC", overGrpc("StreamEvents")],
];

/** Sends an event in a body of so many bytes. */
async function send(url: string, key: string, bytes: number): Promise<string> {
  const headers = { "x-api-key": key, "content-type": "application/json" };
  const body = Buffer.from(JSON.stringify({ id: "e", user_id: "u", event_type: "n" }).padEnd(bytes, " "));
  const answer = await sendRaw(url, { version: "1.1", verb: "POST", path: "/events", headers, body });
  const { details } = JSON.parse(answer.body.toString()) as { details?: { reason: string }[] };
  return `${answer.status} ${details?.[0]?.reason ?? ""}`.trimEnd();
}

describe("of the memory for bodies", () => {
  const limits = { maxRequestMemoryBytes: 1_000_000 };

  it.each(ways)("nothing is kept by bodies that are announced and do not come, over %s", async (_, begin) => {
    const port = await start({ limits });
    for (let i = 0; i < 4; i++) begin(port.url, "loud", 400_000, "");
    await vi.waitFor(() => expect(port.transport.room.calls().used).toBe(4));
    expect(await send(port.url, "quiet", 300_000)).toBe("200");
    expect(await send(port.url, "loud", 300_000)).toBe("200");
  });

  it.each(ways)("one key fills half at most, over %s", async (_, begin) => {
    const port = await start({ limits });
    begin(port.url, "loud", 900_000, " ".repeat(450_000));
    await vi.waitFor(() => expect(port.transport.room.requestMemory().used).toBeGreaterThan(400_000));
    expect(await send(port.url, "loud", 200_000)).toBe("429 OUT_OF_MEMORY");
    expect(await send(port.url, "quiet", 400_000)).toBe("200");
  });
});

it("one key has half of the calls under way at most", async () => {
  const port = await start({ limits: { maxCalls: 4 } });
  for (let i = 1; i <= 2; i++) {
    overHttp2(port.url, "loud", 100, "");
    await vi.waitFor(() => expect(port.transport.room.calls().used).toBe(i));
  }
  expect(await send(port.url, "loud", 100)).toBe("429 TOO_MANY_REQUESTS");
  expect(await send(port.url, "quiet", 100)).toBe("200");
  ending.pop()!();
  await vi.waitFor(() => expect(port.transport.room.calls().used).toBe(1));
  expect(await send(port.url, "loud", 100)).toBe("200");
});

it("nothing is held for callers of whom nobody knows yet who they are", async () => {
  const port = await start({ limits: { maxCalls: 2, maxRequestMemoryBytes: 1_000_000 } });
  for (let i = 0; i < 8; i++) overHttp1(port.url, "somebody", 900_000, "");
  await vi.waitFor(() => expect(port.asked()).toBe(8));
  expect(await send(port.url, "quiet", 900_000)).toBe("200");
  expect(port.transport.room.calls().used).toBe(0);
});
