import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import {
  AnalyticsService,
  createWeirClient,
  EventIngestionService,
  type NodeWeirClientOptions,
  type StreamEventsRequestSchema,
  type WeirClient,
} from "../../client/node/index.ts";
import { createWeirClient as createWebClient, type WebWeirClientOptions } from "../../client/web/index.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface TestServer {
  url: string;
  sockets: Set<Socket>;
  /** Breaks every connection without a word. */
  cut(): void;
}

async function serve(
  routes: (router: ConnectRouter) => void,
  version: "1.1" | "2" = "2",
): Promise<TestServer> {
  const handler = connectNodeAdapter({ routes });
  const server = version === "2" ? http2.createServer(handler) : http.createServer(handler);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  cleanups.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets, cut };
}

function connect(options: NodeWeirClientOptions): WeirClient {
  const weir = createWeirClient({ retry: { baseDelayMs: 1 }, ...options });
  cleanups.push(() => weir.close());
  return weir;
}

const transports = ["grpc", "grpc-web", "connect"] as const;

describe.each(transports)("over %s", (transport) => {
  it("a call comes through with its headers, id and answer", async () => {
    const { url } = await serve((router) =>
      router.service(EventIngestionService, {
        ingestEvent: ({ event }, { protocolName, requestHeader }) => ({
          eventId: event!.id,
          message: [protocolName, requestHeader.get("x-api-key"), requestHeader.get("x-request-id")].join(
            " ",
          ),
        }),
      }),
    );
    const weir = connect({ url, transport, apiKey: "key" });
    const headers = { "x-request-id": "r-1" };
    const answer = await weir.ingestion.ingestEvent({ event: { id: "e", userId: "u" } }, { headers });
    expect(answer).toMatchObject({ eventId: "e", message: `${transport} key r-1` });
  });

  it("a large request with gzip comes through", async () => {
    const { url } = await serve((router) =>
      router.service(EventIngestionService, {
        ingestEvents: ({ events }, { requestHeader }) => ({
          acceptedCount: events.length,
          visibilityToken: requestHeader.get("content-encoding") ?? requestHeader.get("grpc-encoding") ?? "",
        }),
      }),
    );
    const weir = connect({ url, transport, gzip: true });
    const events = Array.from({ length: 1_000 }, (_, i) => ({ id: `${i}`, userId: `user-${i % 10}` }));
    const answer = await weir.ingestion.ingestEvents({ events });
    expect(answer).toMatchObject({ acceptedCount: 1_000, visibilityToken: "gzip" });
  });

  it("a connection that breaks before the answer is made anew, and the call is tried again", async () => {
    let attempts = 0;
    const server = await serve((router) =>
      router.service(AnalyticsService, {
        async getAnalyticsSummary(_request, { signal }) {
          if (++attempts > 1) return { totalEvents: 7n };
          server.cut();
          return new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason)),
          );
        },
      }),
    );
    const weir = connect({ url: server.url, transport });
    expect((await weir.analytics.getAnalyticsSummary({})).totalEvents).toBe(7n);
    expect(attempts).toBe(2);
  });

  it("a server that is not there is UNAVAILABLE after the last attempt", async () => {
    const { url, sockets } = await serve(() => {});
    for (const cleanup of cleanups.splice(0)) await cleanup();
    const weir = connect({ url, transport, retry: { maxAttempts: 3, baseDelayMs: 1 } });
    await expect(weir.analytics.getAnalyticsSummary({})).rejects.toMatchObject({ code: Code.Unavailable });
    expect(sockets.size).toBe(0);
  });
});

describe("connections that break", () => {
  it("in the middle of an answer are UNAVAILABLE, not CANCELED", async () => {
    const server = http2.createServer();
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
      stream.write(Buffer.from([0, 0, 0, 0, 9, 1]), () => stream.session?.socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const weir = connect({ url, retry: { maxAttempts: 2, baseDelayMs: 1 } });
    const failure = await weir.analytics.getAnalyticsSummary({}).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConnectError);
    expect(failure).toMatchObject({ code: Code.Unavailable });
  });

  it("on a server that goes away gracefully let the next call open another", async () => {
    const sessions: http2.ServerHttp2Session[] = [];
    const handler = connectNodeAdapter({
      routes: (router) => router.service(AnalyticsService, { getAnalyticsSummary: () => ({}) }),
    });
    const server = http2.createServer(handler);
    server.on("session", (session) => sessions.push(session));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      for (const session of sessions) session.close();
      return closed;
    });
    const weir = connect({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await weir.analytics.getAnalyticsSummary({});
    const gone = new Promise((resolve) => sessions[0]!.once("close", resolve));
    sessions[0]!.close();
    await weir.analytics.getAnalyticsSummary({});
    await gone;
    await weir.analytics.getAnalyticsSummary({});
    expect(sessions.length).toBe(2);
  });
});

describe("the pool", () => {
  it("opens another connection only when those it has are full, and never more than it may", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let waiting = 0;
    const server = await serve((router) =>
      router.service(AnalyticsService, {
        async getAnalyticsSummary() {
          waiting++;
          await released;
          return {};
        },
      }),
    );
    const weir = connect({ url: server.url, sessions: 2, streamsPerSession: 3 });
    const calls: Promise<unknown>[] = [];
    const callAndWait = async (count: number) => {
      for (let i = 0; i < count; i++) calls.push(weir.analytics.getAnalyticsSummary({}));
      await expect.poll(() => waiting).toBe(calls.length);
    };
    await callAndWait(3);
    expect(server.sockets.size).toBe(1);
    await callAndWait(1);
    expect(server.sockets.size).toBe(2);
    await callAndWait(5);
    expect(server.sockets.size).toBe(2);
    release();
    await Promise.all(calls);
    await weir.close();
    await expect.poll(() => server.sockets.size).toBe(0);
  });

  it("closed with the client cancels what is under way", async () => {
    const { url } = await serve((router) =>
      router.service(AnalyticsService, {
        async getAnalyticsSummary(_request, { signal }) {
          void weir.close();
          return new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason)),
          );
        },
      }),
    );
    const weir = connect({ url });
    await expect(weir.analytics.getAnalyticsSummary({})).rejects.toMatchObject({ code: Code.Canceled });
  });
});

describe("StreamEvents", () => {
  const echo = (router: ConnectRouter) =>
    router.service(EventIngestionService, {
      async *streamEvents(requests) {
        for await (const { message } of requests) {
          if (message.case !== "batch") continue;
          const result = { acceptedCount: message.value.events.length };
          yield { message: { case: "ack" as const, value: { sequence: message.value.sequence, result } } };
        }
      },
    });

  it("goes both ways over gRPC", async () => {
    const { url } = await serve(echo);
    const weir = connect({ url });
    async function* requests(): AsyncGenerator<MessageInitShape<typeof StreamEventsRequestSchema>> {
      yield { message: { case: "config", value: {} } };
      for (const sequence of [1n, 2n]) {
        yield {
          message: { case: "batch", value: { sequence, events: [{ id: "a", userId: "u" }] } },
        };
      }
    }
    const sequences: bigint[] = [];
    for await (const { message } of weir.ingestion.streamEvents(requests())) {
      if (message.case === "ack") sequences.push(message.value.sequence);
    }
    expect(sequences).toEqual([1n, 2n]);
  });

  it("is refused by the browser's client with the reason", async () => {
    const { url } = await serve(echo, "1.1");
    const weir = createWebClient({ url });
    const read = async () => {
      for await (const message of weir.ingestion.streamEvents((async function* () {})())) throw message;
    };
    await expect(read()).rejects.toMatchObject({
      code: Code.Unimplemented,
      rawMessage: expect.stringContaining("browsers cannot"),
    });
    await weir.close();
  });
});

describe("the client over fetch", () => {
  it.each(["connect", "grpc-web"] as const)(
    "tries again over %s when the connection breaks",
    async (transport) => {
      let attempts = 0;
      const server = await serve(
        (router) =>
          router.service(AnalyticsService, {
            async getAnalyticsSummary(_request, { signal }) {
              if (++attempts > 1) return { totalEvents: 7n };
              server.cut();
              return new Promise((_resolve, reject) =>
                signal.addEventListener("abort", () => reject(signal.reason)),
              );
            },
          }),
        "1.1",
      );
      const weir = createWebClient({ url: server.url, transport, retry: { baseDelayMs: 1 } });
      expect((await weir.analytics.getAnalyticsSummary({})).totalEvents).toBe(7n);
      expect(attempts).toBe(2);
      await weir.close();
    },
  );

  it("reports a server that is not there as UNAVAILABLE", async () => {
    const { url } = await serve(() => {}, "1.1");
    for (const cleanup of cleanups.splice(0)) await cleanup();
    const weir = createWebClient({ url, retry: { maxAttempts: 2, baseDelayMs: 1 } });
    await expect(weir.analytics.getAnalyticsSummary({})).rejects.toMatchObject({ code: Code.Unavailable });
    await weir.close();
  });
});

describe("a url that is none", () => {
  it.each(["", "localhost:8080", "ftp://127.0.0.1"])("%j is refused", (url) => {
    expect(() => createWeirClient({ url })).toThrow("such as http://127.0.0.1:8080");
    expect(() => createWebClient({ url })).toThrow("such as http://127.0.0.1:8080");
  });
});

describe("options that are none", () => {
  it.each([
    [
      { protokoll: "grpc" },
      /^unknown option "protokoll": the options are apiKey, .*url, transport, format, .*nodeOptions$/,
    ],
    [{ transport: "bogus" }, /^transport must be "grpc" or "grpc-web" or "connect", not "bogus"$/],
    [{ transport: "toString" }, /^transport must be "grpc" or "grpc-web" or "connect", not "toString"$/],
    [{ format: null }, /^format must be "binary" or "json", not null$/],
    [{ gzip: "no" }, /^gzip must be true or false, not "no"$/],
    [
      { retry: { attempts: 2 } },
      /^unknown option "retry.attempts": the options are retry.maxAttempts, retry.baseDelayMs, retry.maxDelayMs$/,
    ],
  ])("%j is refused in one line that says what is allowed", (options, message) => {
    const given = { url: "http://127.0.0.1:1", ...options } as unknown as NodeWeirClientOptions;
    expect(() => createWeirClient(given)).toThrow(message);
  });

  it.each([
    [
      { protokoll: "connect" },
      /^unknown option "protokoll": the options are apiKey, .*url, transport, format, httpGet, fetch$/,
    ],
    [{ transport: "grpc" }, /^transport must be "connect" or "grpc-web", not "grpc"$/],
    [{ httpGet: 1 }, /^httpGet must be true or false, not 1$/],
  ])("%j is refused in one line by the client for browsers", (options, message) => {
    const given = { url: "http://127.0.0.1:1", ...options } as unknown as WebWeirClientOptions;
    expect(() => createWebClient(given)).toThrow(message);
  });

  it("no options at all are refused in one line too", () => {
    expect(() => createWeirClient(undefined as unknown as NodeWeirClientOptions)).toThrow(
      /^options must be an object, not undefined$/,
    );
  });
});
