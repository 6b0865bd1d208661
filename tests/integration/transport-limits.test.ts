import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { gzipSync } from "node:zlib";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ExportEventsRequestSchema } from "../../gen/analytics/v1/analytics_events_pb.js";
import {
  EventIngestionService,
  type StreamEventsRequestSchema,
} from "../../gen/analytics/v1/ingestion_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { selfSigned } from "../support/certificate.ts";
import { sendRaw } from "../support/http.ts";
import { wires } from "../support/wires.ts";
import { failure, http2Request, tcpExchange, transports } from "./transport-clients.ts";
import { startPort, type TestPort } from "./transport-support.ts";

const ports: TestPort[] = [];
const start = async (options: Parameters<typeof startPort>[0]) => {
  const port = await startPort(options);
  ports.push(port);
  return port;
};
afterEach(async () => {
  for (const port of ports.splice(0)) await port.transport.close(0);
});

const sendEvent = (transport: Transport, userId: string, options = {}) =>
  createClient(ProducerService, transport).sendEvent({ event: { userId } }, options);

describe("the size of a body", () => {
  const maxBodyBytes = 10_000;
  /** JSON of exactly that many bytes. */
  const body = (size: number) => {
    const shell = JSON.stringify({ id: "", user_id: "u" });
    return JSON.stringify({ id: "x".repeat(size - shell.length), user_id: "u" });
  };

  test.each([
    ["as it is", {}, (text: string) => text],
    ["packed", { "content-encoding": "gzip" }, (text: string) => gzipSync(text)],
  ])("is taken at the limit and refused one byte beyond it, %s", async (_, headers, pack) => {
    const { url } = await start({ limits: { maxBodyBytes } });
    const post = (size: number) =>
      fetch(`${url}/events`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: pack(body(size)) as never,
      });
    expect((await post(maxBodyBytes)).status).toBe(200);
    expect((await post(maxBodyBytes + 1)).status).toBe(413);
  });

  test("far beyond the limit still gets its answer on every protocol, and the connection goes on", async () => {
    const { url } = await start({ limits: { maxBodyBytes } });
    // Node's own HTTP/2 client keeps what a reset stream had not sent yet against its session's 10 MB.
    const userId = "u".repeat(2 * 1024 * 1024);
    for (const [name, transport] of Object.entries(transports(url))) {
      for (let i = 0; i < 3; i++) {
        expect(await failure(sendEvent(transport, userId)), name).toEqual({
          code: "ResourceExhausted",
          reason: "BODY_TOO_LARGE",
        });
      }
      expect((await sendEvent(transport, "u")).success, name).toBe(true);
    }
  });

  test("that nobody reads is dropped only so far", async () => {
    const { addresses } = await start({ limits: { maxBodyBytes, lingerBytes: 100_000 } });
    const port = Number(addresses[0]!.split(":").at(-1));
    const received = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connectTcp(port, "127.0.0.1");
      socket.write("POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n");
      const chunk = Buffer.alloc(65_536);
      const pump = () => {
        while (socket.writable && socket.write(chunk));
      };
      socket.on("drain", pump);
      socket.on("data", (data) => {
        text += data.toString();
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(text));
      pump();
    });
    expect(received).toMatch(/^HTTP\/1.1 413 /);
  });
});

describe("the deadline of a unary call", () => {
  test.each([
    ["the default", { defaultTimeoutMs: 400 }, {}],
    ["the caller's", {}, { timeoutMs: 400 }],
    ["the greatest, where the caller's is longer", { maxTimeoutMs: 400 }, { timeoutMs: 60_000 }],
  ])("is %s, on every protocol, and reaches the service", async (_, limits, options) => {
    // Long enough for a busy machine to reach the service by then.
    const port = await start({ limits });
    for (const [name, transport] of Object.entries(transports(port.url))) {
      // The client's own timer may win over the server's answer: both say the same.
      const { code } = await failure(sendEvent(transport, "wait", options));
      expect(code, name).toBe("DeadlineExceeded");
      const { call } = port.seen.calls.at(-1)!;
      await vi.waitFor(() => expect(call.signal.aborted).toBe(true));
      expect(Number.isFinite(call.deadline)).toBe(true);
    }
    await vi.waitFor(() => {
      const reasons = port.seen.records.map((record) => record.reason);
      expect(reasons).toContain("DEADLINE_EXCEEDED");
    }, 10_000);
  });

  test("is 504 over REST", async () => {
    const { url } = await start({ limits: { defaultTimeoutMs: 50 } });
    const response = await fetch(`${url}/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"user_id":"wait"}',
    });
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ code: 4, details: [{ reason: "DEADLINE_EXCEEDED" }] });
  });

  test("holds for a body that does not come", async () => {
    const port = await start({ limits: { defaultTimeoutMs: 50 } });
    const session = connectHttp2(port.url);
    const trailers = await new Promise<Record<string, unknown>>((resolve) => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/analytics.v1.ProducerService/SendEvent",
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("trailers", resolve);
      stream.on("response", (head) => {
        if ("grpc-status" in head) resolve(head);
      });
      stream.on("error", () => {});
      stream.resume();
    });
    session.destroy();
    expect(trailers["grpc-status"]).toBe("4");
    expect(port.seen.calls).toHaveLength(0);
  });
});

describe("a caller who goes away", () => {
  test("aborts the call", async () => {
    const port = await start({});
    for (const [name, transport] of Object.entries(transports(port.url))) {
      const controller = new AbortController();
      const before = port.seen.calls.length;
      const call = sendEvent(transport, "wait", { signal: controller.signal });
      await vi.waitFor(() => expect(port.seen.calls.length).toBe(before + 1));
      controller.abort();
      await expect(call).rejects.toThrow();
      const { signal } = port.seen.calls.at(-1)!.call;
      await vi.waitFor(() => expect(signal.aborted, name).toBe(true));
      expect(signal.reason, name).toMatchObject({ code: "CANCELLED" });
    }
  });
});

describe("a caller who ends its side after the request", () => {
  const ask = async (port: TestPort, userId: string): Promise<string> => {
    const body = JSON.stringify({ user_id: userId });
    const socket = connectTcp({
      port: Number(port.addresses[0]!.split(":").at(-1)),
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    socket.end(
      `POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    return Buffer.concat(parts).toString();
  };

  test("gets its answer, and then the connection is closed", async () => {
    expect(await ask(await start({}), "u")).toMatch(/^HTTP\/1.1 200 OK/);
  });

  test("is given up where the answer takes long, for it may be gone", async () => {
    const port = await start({ limits: { halfOpenMs: 50 } });
    expect(await ask(port, "wait").catch(() => "")).toBe("");
    const { signal } = port.seen.calls.at(-1)!.call;
    await vi.waitFor(() => expect(signal.reason).toMatchObject({ code: "CANCELLED" }));
  });
});

describe("a stream", () => {
  test("on which nothing moves is ended", async () => {
    const port = await start({ limits: { streamIdleMs: 100 } });
    const transport = createGrpcTransport({ baseUrl: port.url });
    const never = new AbortController();
    const run = async () => {
      async function* silent() {
        yield { message: { case: "config" as const, value: {} } };
        await new Promise((resolve) => never.signal.addEventListener("abort", resolve));
      }
      for await (const _ of createClient(EventIngestionService, transport).streamEvents(silent()));
    };
    expect(await failure(run())).toEqual({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" });
    never.abort();
  });

  test("whose caller waits for the service is not ended for that", async () => {
    const port = await start({ limits: { streamIdleMs: 1000 } });
    const client = createClient(EventIngestionService, createGrpcTransport({ baseUrl: port.url }));
    type Request = MessageInitShape<typeof StreamEventsRequestSchema>;
    async function* requests(userId: string, more: Promise<unknown>): AsyncGenerator<Request> {
      const events = [{ id: "e", userId, name: "n" }];
      yield { message: { case: "config", value: {} } };
      yield { message: { case: "batch", value: { sequence: 1n, events } } };
      await more;
    }
    const acks = async (userId: string, more: Promise<unknown>) => {
      let acks = 0;
      for await (const { message } of client.streamEvents(requests(userId, more))) {
        if (message.case === "ack") acks++;
      }
      return acks;
    };
    const held = acks("hold", Promise.resolve());
    await vi.waitFor(() => expect(port.seen.held).toHaveLength(1), { timeout: 10_000 });
    const never = new AbortController();
    const silent = acks("u", new Promise((resolve) => never.signal.addEventListener("abort", resolve)));
    expect(await failure(silent)).toEqual({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" });
    port.seen.held[0]!();
    expect(await held).toBe(1);
    never.abort();
  });

  test("has the deadline that its caller states", async () => {
    const port = await start({});
    const transport = createGrpcTransport({ baseUrl: port.url });
    const run = async () => {
      for await (const _ of createClient(Health, transport).watch({}, { timeoutMs: 100 }));
    };
    expect(await failure(run())).toMatchObject({ code: "DeadlineExceeded" });
  });
});

describe("calls under way", () => {
  test("are taken up to the limit; the next is told to come again", async () => {
    const port = await start({ limits: { maxCalls: 3 } });
    expect(port.transport.room.calls()).toEqual({ used: 0, limit: 3, refused: 0 });
    const transport = createGrpcTransport({ baseUrl: port.url });
    const controller = new AbortController();
    const waiting = [1, 2, 3].map(() =>
      sendEvent(transport, "wait", { signal: controller.signal }).catch(() => {}),
    );
    await vi.waitFor(() => expect(port.seen.calls).toHaveLength(3));
    expect(await failure(sendEvent(transport, "u"))).toEqual({
      code: "ResourceExhausted",
      reason: "TOO_MANY_REQUESTS",
    });
    expect(port.transport.room.calls()).toEqual({ used: 3, limit: 3, refused: 1 });
    expect((await fetch(`${port.url}/health`)).status).toBe(200);
    controller.abort();
    await Promise.all(waiting);
    await vi.waitFor(async () => expect((await sendEvent(transport, "u")).success).toBe(true));
  });

  test("on one HTTP/2 connection are announced", async () => {
    const { url } = await start({ limits: { maxConcurrentStreams: 7, initialWindowBytes: 1_000_000 } });
    const session = connectHttp2(url);
    const settings = await new Promise((resolve) => session.once("remoteSettings", resolve));
    session.destroy();
    expect(settings).toMatchObject({ maxConcurrentStreams: 7, initialWindowSize: 1_000_000 });
  });
});

test("headers are taken up to their limit, over HTTP/1.1 and HTTP/2", async () => {
  const { url, seen } = await start({ limits: { maxHeaderBytes: 8192 } });
  const sizes = [
    [6000, 200],
    [9000, 431],
  ] as const;
  for (const [size, status] of sizes) {
    const padding = "x".repeat(size);
    const http1 = await fetch(`${url}/health`, { headers: { padding } });
    const http2 = await http2Request(url, { ":method": "GET", ":path": "/health", padding });
    expect([http1.status, http2.status]).toEqual([status, status]);
    expect([http1.headers.get("x-request-id"), http2.headers["x-request-id"]]).toEqual([
      expect.stringMatching(/^[\w-]{36}$/),
      expect.stringMatching(/^[\w-]{36}$/),
    ]);
    const refused = seen.records.filter(({ reason }) => reason === "HEADERS_TOO_LARGE");
    expect(refused).toHaveLength(status === 431 ? 2 : 0);
    if (status === 431) {
      expect(await http1.json()).toMatchObject({ details: [{ reason: "HEADERS_TOO_LARGE" }] });
      expect(JSON.parse(http2.body.toString())).toMatchObject({ details: [{ reason: "HEADERS_TOO_LARGE" }] });
    }
  }
});

describe("connections", () => {
  test.each([
    ["that say nothing", ""],
    ["that begin a preface and stop", "PRI * HT"],
  ])("%s are closed", async (_, bytes) => {
    const { addresses } = await start({ limits: { sniffTimeoutMs: 100 } });
    expect(await tcpExchange(addresses[0]!, bytes)).toBe("");
  });

  test.each([
    ["that never begin the handshake", ""],
    ["that begin the handshake and stop", Buffer.from([0x16, 0x03, 0x01, 0x02])],
  ])("with TLS, %s are closed and make room", async (_, bytes) => {
    const { addresses, url } = await start({
      tls: selfSigned(),
      limits: { sniffTimeoutMs: 100, maxConnections: 2 },
    });
    const silent = [tcpExchange(addresses[0]!, bytes), tcpExchange(addresses[0]!, bytes)];
    expect(await Promise.all(silent)).toEqual(["", ""]);
    const session = connectHttp2(url, { rejectUnauthorized: false });
    await once(session, "connect");
    session.close();
  });

  test("whose headers do not come in time are answered and closed", async () => {
    const { addresses } = await start({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
    const text = await tcpExchange(addresses[0]!, "GET / HTTP/1.1\r\nhost: localhost\r\n");
    expect(text).toMatch(/^HTTP\/1.1 408 /);
    expect(text).toContain("REQUEST_TIMEOUT");
  });

  test("whose body does not come in time are answered and closed", async () => {
    const { addresses } = await start({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
    const head =
      "POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n";
    expect(await tcpExchange(addresses[0]!, head)).toMatch(/^HTTP\/1.1 408 /);
  });

  test.each(wires)("of HTTP/2 whose body does not come in time is answered, over $name", async (wire) => {
    const { url, seen } = await start({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 300 } });
    const session = connectHttp2(url);
    const timeout = { "connect-timeout-ms": "60000" };
    session.request({ ":path": "/v1/analytics/export?filter=endless" });
    session
      .request({ ":method": "POST", ":path": "/events", "content-type": "application/json", ...timeout })
      .end('{"user_id":"wait"}');
    await vi.waitFor(() => expect(seen.calls).toHaveLength(2));
    const { ingestEvents } = EventIngestionService.method;
    const events = [{ id: "e", userId: "u", name: "n" }];
    const request = wire.request(ingestEvents, create(ingestEvents.input, { events }))!;
    const headers = { ...request.headers, ...timeout };
    const { body } = request;
    const sent = {
      ...request,
      headers,
      body: body!.subarray(0, -1),
      version: "2",
      unfinished: true,
    } as const;
    const failure = wire.failure(await sendRaw(url, sent));
    expect(failure).toMatchObject({ code: "DeadlineExceeded", reason: "REQUEST_TIMEOUT" });
    // Those that came whole, and before, may be answered later.
    expect(seen.calls.map(({ call }) => call.signal.aborted)).toEqual([false, false]);
    session.destroy();
  });

  test("beyond the limit are closed, and counted", async () => {
    const { addresses, transport } = await start({ limits: { maxConnections: 1 } });
    const first = connectTcp(Number(addresses[0]!.split(":").at(-1)), "127.0.0.1");
    await new Promise((resolve) => first.once("connect", resolve));
    first.write("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await new Promise((resolve) => first.once("data", resolve));
    expect(
      await tcpExchange(addresses[0]!, "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").catch(() => ""),
    ).toBe("");
    expect(transport.room.connections()).toEqual({ used: 1, limit: 1, refused: 1 });
    first.destroy();
  });

  test("that reset streams without end are closed", async () => {
    const { url } = await start({ limits: { streamResetBurst: 10, streamResetRate: 1 } });
    const session = connectHttp2(url);
    session.on("error", () => {});
    const closed = new Promise((resolve) => session.once("close", resolve));
    for (let i = 0; i < 200 && !session.closed; i++) {
      const stream = session.request({ ":method": "POST", ":path": "/events" });
      stream.on("error", () => {});
      stream.close(8);
    }
    await closed;
  });
});

test("a body is asked for (100-continue) only once the gate has let it in, and never beyond the limit", async () => {
  const { addresses } = await start({ limits: { maxBodyBytes: 1000, lingerMs: 100 } });
  const request = (path: string, length = 15) =>
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n`;
  const asked = new Promise<string>((resolve, reject) => {
    const socket = connectTcp(Number(addresses[0]!.split(":").at(-1)), "127.0.0.1");
    let text = "";
    socket.write(request("/events"));
    socket.on("data", (data) => {
      text += data.toString();
      if (text.includes("100 Continue") && !text.includes("200 OK")) socket.write('{"user_id":"u"}');
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
  expect(await asked).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
  const refused = await tcpExchange(addresses[0]!, request("/nope"));
  expect(refused).toMatch(/^HTTP\/1.1 404 /);
  expect(await tcpExchange(addresses[0]!, request("/events", 1001))).toMatch(/^HTTP\/1.1 413 /);
  const rpc = "/analytics.v1.ProducerService/SendEvent";
  expect(await tcpExchange(addresses[0]!, request(rpc, 1001))).toMatch(/^HTTP\/1.1 429 /);
});

test("an answer whose reader is slow holds the service back", async () => {
  const port = await start({});
  const session = connectHttp2(port.url);
  const stream = session.request({ ":path": "/v1/analytics/export?filter=endless" });
  await new Promise((resolve) => stream.once("response", resolve));
  // Nothing is read: what was made stops growing at the windows of the connection.
  let made = -1;
  await vi.waitFor(
    () => {
      const now = port.seen.pieces;
      const still = now === made;
      made = now;
      expect(still).toBe(true);
    },
    { interval: 200, timeout: 10_000 },
  );
  expect(made).toBeLessThan(200);
  session.destroy();
  await vi.waitFor(() => expect(port.seen.calls.at(-1)!.call.signal.aborted).toBe(true));
});

describe("an answer whose reader has stopped reading", () => {
  const path = "/v1/analytics/export?filter=endless";
  const rpcPath = "/analytics.v1.AnalyticsService/ExportEvents";
  const message = create(ExportEventsRequestSchema, { filter: "endless" });
  const envelope = encodeEnvelope(0, toBinary(ExportEventsRequestSchema, message));

  function overHttp2(url: string, headers: Record<string, string>, body?: Uint8Array): () => void {
    const session = connectHttp2(url);
    session.on("error", () => {});
    const stream = session.request(headers, { endStream: body === undefined });
    stream.on("error", () => {});
    if (body !== undefined) stream.end(body);
    return () => session.destroy();
  }

  function overHttp1(url: string, head: string, body = new Uint8Array()): () => void {
    const socket = connectTcp(Number(new URL(url).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(`${head}\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n`);
    socket.write(body);
    return () => socket.destroy();
  }

  const ways: [string, (url: string) => () => void][] = [
    ["REST", (url) => overHttp1(url, `GET ${path} HTTP/1.1`)],
    ["REST over HTTP/2", (url) => overHttp2(url, { ":path": path })],
    [
      "Connect",
      (url) =>
        overHttp1(url, `POST ${rpcPath} HTTP/1.1\r\ncontent-type: application/connect+proto`, envelope),
    ],
    [
      "gRPC",
      (url) =>
        overHttp2(
          url,
          { ":method": "POST", ":path": rpcPath, "content-type": "application/grpc", te: "trailers" },
          envelope,
        ),
    ],
  ];

  test.each(ways)("is given up in time, and its service let go: %s", async (_, call) => {
    const port = await start({ limits: { streamIdleMs: 300, streamCutMs: 100 } });
    const leave = call(port.url);
    await vi.waitFor(() => expect(port.seen.ended).toBe(1), { timeout: 10_000 });
    await vi.waitFor(() => expect(port.seen.records.at(-1)).toMatchObject({ code: "DEADLINE_EXCEEDED" }));
    leave();
  });

  test.each(ways)("and leaves is no failure of the server: %s", async (_, call) => {
    const told = vi.spyOn(console, "error");
    const port = await start({});
    const leave = call(port.url);
    await vi.waitFor(() => expect(port.seen.pieces).toBeGreaterThan(0));
    leave();
    await vi.waitFor(() => expect(port.seen.ended).toBe(1));
    await vi.waitFor(() => expect(port.seen.records.at(-1)).toMatchObject({ code: "CANCELLED" }));
    expect(port.seen.logged.filter(({ level }) => level === "error")).toEqual([]);
    expect(told).not.toHaveBeenCalled();
    told.mockRestore();
  });
});
