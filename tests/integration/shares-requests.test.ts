/** One caller who sends slowly, much, or nothing at all leaves room to others. */
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
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

describe("calls that need no key", () => {
  /** A call of grpc.health.v1 whose message has so many bytes of those that it announces. */
  function health(url: string, method: string, announced: number, bytes: number) {
    const message = Buffer.alloc(5 + bytes);
    message.writeUInt32BE(announced, 1);
    const session = connectHttp2(url);
    const path = `/grpc.health.v1.Health/${method}`;
    const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request(headers, { endStream: false });
    if (bytes === announced) stream.end(message);
    else stream.write(message);
    const end = () => session.destroy();
    ending.push(end);
    for (const one of [session, stream]) one.on("error", () => {});
    stream.resume();
    /** With the answer's head, where it comes with that, else of a Check with its end; undefined of a Watch that goes on. */
    const status = new Promise<string | undefined>((resolve) => {
      const settle = (headers: IncomingHttpHeaders) => resolve(headers["grpc-status"]?.toString());
      stream.once("response", (head) => {
        if (head["grpc-status"] !== undefined || method === "Watch") settle(head);
      });
      stream.once("trailers", settle);
    });
    return { end, status };
  }

  const refused = "8";

  it("take no call of those that need one, and are bounded themselves", async () => {
    const port = await start({ limits: { maxCalls: 1, maxOpenCalls: 4 } });
    const watch = () => health(port.url, "Watch", 0, 0);
    const watches = Array.from({ length: 6 }, watch);
    const statuses = await Promise.all(watches.map(({ status }) => status));
    expect(statuses.filter((status) => status === refused)).toHaveLength(2);
    expect(port.transport.room.calls().used).toBe(0);
    expect(await send(port.url, "quiet", 100)).toBe("200");
    // Streams that stay keep no probe from its answer.
    expect(await health(port.url, "Check", 0, 0).status).toBe("0");
    for (const { end } of watches) end();
    await vi.waitFor(async () => expect(await watch().status).toBe(undefined));
  });

  it("take nothing of the memory for bodies, and bring little", async () => {
    const port = await start({ limits: { maxRequestMemoryBytes: 100_000 } });
    for (let i = 0; i < 4; i++) health(port.url, "Check", 60_000, 50_000);
    expect(await health(port.url, "Check", 4_000_000, 50_000).status).toBe(refused);
    expect(port.transport.room.requestMemory().used).toBe(0);
    expect(await send(port.url, "quiet", 90_000)).toBe("200");
  });
});
