/** StreamEvents with every client that streams in both directions. (grpcurl: tests/e2e.) */
import { fromJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, expect, test } from "vitest";
import { createWeirClient } from "../../client/node/index.ts";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import {
  EventIngestionService,
  type IngestEventsResponse,
  type StreamEventsRequestSchema,
  type StreamEventsResponse,
  StreamEventsResponseSchema,
} from "../../gen/analytics/v1/ingestion_pb.js";
import { bufCurl, bufProtocols } from "../support/buf-curl.ts";
import { startServer } from "../support/server.ts";

const server = await startServer();
const baseUrl = server.url;
const typed = createWeirClient({ url: baseUrl });
afterAll(async () => {
  await typed.close();
  await server.stop();
});

const transports: readonly (readonly [name: string, transport: Transport])[] = [
  ["gRPC", createGrpcTransport({ baseUrl })],
  ["gRPC-Web over HTTP/2", createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  ["Connect binary over HTTP/2", createConnectTransport({ baseUrl, httpVersion: "2" })],
  ["Connect JSON over HTTP/2", createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false })],
  ["the typed client", typed.transport],
];

type Request = MessageInitShape<typeof StreamEventsRequestSchema>;
const batch = (sequence: number, ...events: object[]): Request => ({
  message: { case: "batch", value: { sequence: BigInt(sequence), events } },
});

/** What a stream of two batches is answered: one good event and a bad one, then the good one again. */
function expectAnswers(answers: readonly StreamEventsResponse[]): IngestEventsResponse {
  const granted = answers.flatMap(({ message }) => (message.case === "credit" ? [message.value.events] : []));
  expect(granted[0]).toBeGreaterThanOrEqual(1000);
  expect(granted.slice(1).reduce((sum, events) => sum + events, 0)).toBe(3);
  const acks = answers.flatMap(({ message }) => (message.case === "ack" ? [message.value] : []));
  expect(acks).toMatchObject([
    {
      sequence: 1n,
      result: {
        acceptedCount: 1,
        success: false,
        rejected: [
          {
            index: 1,
            eventId: "bad",
            reason: "INVALID_EVENT",
            violations: [{ field: "batch.events[1].user_id" }],
          },
        ],
      },
    },
    { sequence: 2n, result: { acceptedCount: 0, duplicateCount: 1, success: true, rejected: [] } },
  ]);
  return acks[0]!.result!;
}

async function expectStored(userId: string, { visibilityToken }: IngestEventsResponse): Promise<void> {
  const analytics = createClient(AnalyticsService, typed.transport);
  const { profile } = await analytics.getUserAnalytics({ userId, minVisibility: [visibilityToken] });
  expect(profile).toMatchObject({ totalEvents: 1n, eventsByName: [{ name: "click" }] });
}

test.each(transports)("events stream in and are acknowledged over %s", async (name, transport) => {
  const userId = `user of ${name}`;
  const good = { id: "good", userId, name: "click" };
  const { promise: acknowledged, resolve } = Promise.withResolvers<void>();
  async function* requests(): AsyncGenerator<Request> {
    yield { message: { case: "config", value: {} } };
    yield batch(1, good, { id: "bad", userId: "null" });
    // The second goes out only once the first is acknowledged: both directions flow at once.
    await acknowledged;
    yield batch(2, good);
  }
  const answers: StreamEventsResponse[] = [];
  for await (const answer of createClient(EventIngestionService, transport).streamEvents(requests())) {
    answers.push(answer);
    if (answer.message.case === "ack") resolve();
  }
  await expectStored(userId, expectAnswers(answers));
});

test.each(bufProtocols)("events stream in by buf curl --protocol %s", async (protocol) => {
  const userId = `user of buf curl, ${protocol}`;
  const good = { id: "good", userId, name: "click" };
  const { code, stdout, stderr } = await bufCurl(
    { url: baseUrl, protocol },
    EventIngestionService.method.streamEvents,
    { config: {} },
    { batch: { sequence: 1, events: [good, { id: "bad", userId: "null" }] } },
    { batch: { sequence: 2, events: [good] } },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  // Messages come one after another, as indented objects.
  const answers = stdout
    .trim()
    .split(/(?<=^\})\n(?=\{)/m)
    .map((text) => fromJsonString(StreamEventsResponseSchema, text));
  await expectStored(userId, expectAnswers(answers));
});
