/** One event over every protocol, each with a real client. (grpcurl and Chromium: tests/e2e.) */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, describe, expect, test } from "vitest";
import { createWeirClient } from "../../client/node/index.ts";
import { type Event, EventSchema, EventType } from "../../gen/analytics/v1/event_pb.js";
import { IngestResult } from "../../gen/analytics/v1/ingestion_pb.js";
import { bufProtocols } from "../support/buf-curl.ts";
import { createGrpcWebTextTransport } from "../support/grpc-web-text.ts";
import { requestLine } from "../support/request-log.ts";
import { startServer } from "../support/server.ts";
import {
  bufWay,
  clientWay,
  connectByCurl,
  flatClientWay,
  flatRestWay,
  restWay,
  type Way,
} from "../support/ways.ts";

// At debug its log has a line for every call.
const server = await startServer({ env: { WEIR_LOG_LEVEL: "debug" } });
const typedClients = (["grpc", "grpc-web", "connect"] as const).map((protocol) => ({
  protocol,
  weir: createWeirClient({ url: server.url, transport: protocol }),
}));
afterAll(async () => {
  for (const { weir } of typedClients) await weir.close();
  await server.stop();
});

const baseUrl = server.url;
const connect = { protocol: "connect", asksBy: "POST" } as const;
const grpc = { protocol: "grpc", asksBy: "POST" } as const;
const grpcWeb = { protocol: "grpc-web", asksBy: "POST" } as const;
const connectOver = (options: object) => createConnectTransport({ baseUrl, httpVersion: "1.1", ...options });

const ways: readonly Way[] = [
  restWay(baseUrl),
  flatRestWay(baseUrl),
  connectByCurl(baseUrl),
  clientWay({ name: "Connect JSON", ...connect }, connectOver({ useBinaryFormat: false })),
  clientWay({ name: "Connect binary", ...connect }, connectOver({ useBinaryFormat: true })),
  clientWay({ name: "Connect binary over HTTP/2", ...connect }, connectOver({ httpVersion: "2" })),
  clientWay(
    { name: "Connect, reading by GET", ...connect, asksBy: "GET" },
    connectOver({ useHttpGet: true }),
  ),
  clientWay(
    { name: "Connect JSON, reading by GET", ...connect, asksBy: "GET" },
    connectOver({ useHttpGet: true, useBinaryFormat: false }),
  ),
  clientWay({ name: "gRPC", ...grpc }, createGrpcTransport({ baseUrl })),
  flatClientWay({ name: "gRPC, flat", ...grpc }, createGrpcTransport({ baseUrl })),
  clientWay({ name: "gRPC-Web", ...grpcWeb }, createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })),
  clientWay(
    { name: "gRPC-Web over HTTP/2", ...grpcWeb },
    createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  ),
  clientWay({ name: "gRPC-Web in base64", ...grpcWeb }, createGrpcWebTextTransport(baseUrl)),
  ...bufProtocols.map((protocol) => bufWay({ url: baseUrl, protocol })),
  ...typedClients.map(({ protocol, weir }) =>
    clientWay({ name: `the typed client over ${protocol}`, protocol, asksBy: "POST" }, weir.transport),
  ),
];

/** Without event_type, which a flat event cannot say. */
function pageView(fields: MessageInitShape<typeof EventSchema>): Event {
  return create(EventSchema, {
    name: "page_view",
    sessionId: "s-1",
    source: "web-app",
    timestamp: timestampFromDate(new Date("2024-01-01T12:00:00.123Z")),
    properties: { page: "/dashboard", "länge 🚀": 'ein "Wert"' },
    measures: { duration: 45.5 },
    ...fields,
  });
}

describe("the same event", () => {
  test("is accepted the first time, and a duplicate over every other protocol", async () => {
    const event = pageView({ id: "e-1", userId: "everybody" });
    const results: (readonly [way: string, result: string])[] = [];
    const tokens: string[] = [];
    for (const way of ways) {
      const sent = await way.send(event, crypto.randomUUID());
      results.push([way.name, IngestResult[sent.result]!]);
      tokens.push(sent.visibilityToken);
    }
    expect(results).toEqual(ways.map(({ name }, i) => [name, i === 0 ? "ACCEPTED" : "DUPLICATE"]));
    // A duplicate's token names the first copy, so that it is reached as soon as that is.
    for (const [i, way] of ways.entries()) {
      const { profile } = await way.user("everybody", tokens[i]!, crypto.randomUUID());
      expect(profile?.totalEvents, way.name).toBe(1n);
    }
  });

  test("is another one where the user is another", async () => {
    const results = [];
    for (const userId of ["one", "two", "one"]) {
      results.push((await ways[0]!.send(pageView({ id: "e-1", userId }), crypto.randomUUID())).result);
    }
    expect(results).toEqual([IngestResult.ACCEPTED, IngestResult.ACCEPTED, IngestResult.DUPLICATE]);
  });
});

test.each(ways)("an event by $name is accepted, and read back by the same way", async (way) => {
  const event = pageView({ id: "e-1", userId: `user of ${way.name}` });
  const [sending, reading] = [crypto.randomUUID(), crypto.randomUUID()];
  const sent = await way.send(event, sending);
  expect(sent).toMatchObject({ eventId: "e-1", result: IngestResult.ACCEPTED });
  const { events, profile } = await way.user(event.userId, sent.visibilityToken, reading);
  expect(profile?.totalEvents).toBe(1n);
  expect(events.map((stored) => stored.event)).toEqual([
    expect.objectContaining({
      ...event,
      eventType: EventType.CUSTOM,
      properties: expect.objectContaining(event.properties),
    }),
  ]);
  expect(await requestLine(server, sending)).toMatchObject({ protocol: way.protocol, verb: "POST" });
  expect(await requestLine(server, reading)).toMatchObject({ protocol: way.protocol, verb: way.asksBy });
});

test("each other's events are read over every protocol", async () => {
  const { visibilityToken } = await ways[0]!.send(
    pageView({ id: "e-2", userId: "read by all" }),
    crypto.randomUUID(),
  );
  const answers = [];
  for (const way of ways) answers.push(await way.user("read by all", visibilityToken, crypto.randomUUID()));
  for (const [i, answer] of answers.entries()) expect(answer, ways[i]!.name).toEqual(answers[0]);
});
