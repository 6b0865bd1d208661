/** One bad event in a batch is rejected by its index, and its neighbours are taken; a body of just the limit is taken. */
import { create, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { GetUserAnalyticsResponse } from "../../gen/analytics/v1/analytics_user_pb.js";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { EventIngestionService, type IngestEventsResponse } from "../../gen/analytics/v1/ingestion_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { type RawRequest, sendRaw } from "../support/http.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { connectJson, rest, type Wire, wires } from "../support/wires.ts";

const { ingestEvents } = EventIngestionService.method;
const { sendBatchEvents } = ProducerService.method;
const { getUserAnalytics } = AnalyticsService.method;

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

async function answerTo<T extends Message>(wire: Wire, method: { output: DescMessage }, request: RawRequest) {
  return wire.message(method as never, await sendRaw(server.url, request)) as T;
}

/** Ids of the user's events that are stored. */
async function storedIds(userId: string, minVisibility: string): Promise<string[]> {
  const request = create(getUserAnalytics.input, { userId, minVisibility: [minVisibility] });
  const { events } = await answerTo<GetUserAnalyticsResponse>(
    connectJson,
    getUserAnalytics,
    connectJson.request(getUserAnalytics, request)!,
  );
  return events.map(({ event }) => event!.id).sort();
}

const rejection = (index: number, eventId: string, field: string, ruleId: string) => ({
  index,
  eventId,
  reason: "INVALID_EVENT",
  retryable: false,
  violations: [{ field: `events[${index}]${field === "" ? "" : `.${field}`}`, ruleId }],
});

describe.each(wires)("over $name", (wire) => {
  test("events that break a rule are rejected by index, and their neighbours are taken", async () => {
    const userId = `rules, ${wire.name}`;
    const events = [
      { id: "0", userId },
      { id: "1", userId: "null" },
      { id: "2", userId, eventType: 99 },
      { id: "3", userId, measures: { m: Number.NaN } },
      { id: "4", userId },
      { id: "4", userId },
      { id: "6", userId, timestamp: timestampFromMs(Date.now() + 7_200_000) },
      {
        id: "7",
        userId,
        properties: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [i, "v".repeat(8000)])),
      },
      { id: "8", userId },
    ];
    const request = create(ingestEvents.input, { events });
    const answer = await answerTo<IngestEventsResponse>(
      wire,
      ingestEvents,
      wire.request(ingestEvents, request)!,
    );
    expect(answer).toMatchObject({
      acceptedCount: 3,
      duplicateCount: 1,
      success: false,
      rejected: [
        rejection(1, "1", "user_id", "user_id.broken_identity"),
        rejection(2, "2", "event_type", "enum.defined_only"),
        rejection(3, "3", 'measures["m"]', "double.finite"),
        rejection(6, "6", "timestamp", "timestamp.future"),
        // What is too large is not parsed where it comes as bytes, so its id is not known.
        rejection(7, wire.json ? "7" : "", "", "event.max_bytes"),
      ],
    });
    expect(await storedIds(userId, answer.visibilityToken)).toEqual(["0", "4", "8"]);
  });

  test("a flat event that breaks a rule is rejected by index, and its neighbours are taken", async () => {
    const userId = `flat rules, ${wire.name}`;
    const request = create(sendBatchEvents.input, {
      events: [
        { id: "0", userId },
        { id: "1", userId, timestamp: 1640995200000 },
        { id: "2", userId },
      ],
    });
    const answer = await answerTo<IngestEventsResponse>(
      wire,
      sendBatchEvents,
      wire.request(sendBatchEvents, request)!,
    );
    expect(answer).toMatchObject({
      acceptedCount: 2,
      success: false,
      rejected: [rejection(1, "1", "timestamp", "timestamp.seconds")],
    });
    expect(await storedIds(userId, answer.visibilityToken)).toEqual(["0", "2"]);
  });

  test("a body of 8 MiB is taken", async () => {
    const userId = `large, ${wire.name}`;
    const event = { id: "0", userId };
    const request = wire.request(ingestEvents, create(ingestEvents.input, { events: [event] }))!;
    const padded = wire.json ? paddedJson({ events: [event] }) : paddedBinary([event]);
    const answer = await answerTo<IngestEventsResponse>(
      wire,
      ingestEvents,
      wire.withMessage(request, padded),
    );
    expect(answer).toMatchObject({ acceptedCount: 1, success: true });
  });
});

const maxBodyBytes = 8 * 1024 * 1024;

/** With blanks at the end. */
function paddedJson(json: { events: { id: string; userId: string }[] }): Buffer {
  return Buffer.from(JSON.stringify(json).padEnd(maxBodyBytes));
}

/** With a field at the end that nobody knows, which protobuf passes over. */
function paddedBinary(events: { id: string; userId: string }[]): Uint8Array {
  const bytes = toBinary(ingestEvents.input, create(ingestEvents.input, { events }));
  // Tag and length of the field take six bytes.
  const filler = new BinaryWriter()
    .tag(1000, WireType.LengthDelimited)
    .bytes(new Uint8Array(maxBodyBytes - bytes.length - 6))
    .finish();
  return Buffer.concat([bytes, filler]);
}

describe("elements that do not parse", () => {
  test.each([
    { route: "/v1/events/batch", type: "application/json" },
    { route: "/v1/events/batch", type: "text/plain" },
    { route: "/events/batch", type: "application/json" },
  ])("are rejected by index over REST: $route as $type", async ({ route, type }) => {
    const user_id = `parse, ${route} as ${type}`;
    const events = [
      { id: "0", user_id },
      { id: "1", user_id, nope: 1 },
      5,
      { id: "3", user_id: 5 },
      { id: "4", user_id },
    ];
    const request: RawRequest = {
      version: "1.1",
      verb: "POST",
      path: route,
      headers: { "content-type": type },
      body: Buffer.from(JSON.stringify({ events })),
    };
    const answer = await answerTo<IngestEventsResponse>(rest, ingestEvents, request);
    expect(answer).toMatchObject({
      acceptedCount: 2,
      success: false,
      rejected: [
        rejection(1, "1", "nope", "json.unknown_field"),
        rejection(2, "", "", "json.type"),
        rejection(3, "3", "user_id", "json.value"),
      ],
    });
    expect(await storedIds(user_id, answer.visibilityToken)).toEqual(["0", "4"]);
  });

  test.each(wires.filter(({ json }) => !json))("are rejected by index over $name", async (wire) => {
    const userId = `parse, ${wire.name}`;
    const good = (id: string) => toBinary(EventSchema, create(EventSchema, { id, userId }));
    const writer = new BinaryWriter();
    for (const bytes of [good("0"), Buffer.from([0x0a, 0x09]), good("2")]) {
      writer.tag(1, WireType.LengthDelimited).bytes(bytes);
    }
    const request = wire.request(ingestEvents, create(ingestEvents.input))!;
    const answer = await answerTo<IngestEventsResponse>(
      wire,
      ingestEvents,
      wire.withMessage(request, writer.finish()),
    );
    expect(answer).toMatchObject({
      acceptedCount: 2,
      success: false,
      rejected: [rejection(1, "", "", "parse")],
    });
    expect(await storedIds(userId, answer.visibilityToken)).toEqual(["0", "2"]);
  });

  test("fail the whole request over Connect JSON, by their path", async () => {
    const request = connectJson.request(ingestEvents, create(ingestEvents.input))!;
    const body = Buffer.from('{"events":[{"userId":"whole"},{"userId":"whole","nope":1}]}');
    const failure = connectJson.failure(await sendRaw(server.url, connectJson.withMessage(request, body)));
    expect(failure).toMatchObject({
      status: 400,
      reason: "INVALID_REQUEST",
      violations: [{ field: "events[1].nope", rule: "json.unknown_field" }],
    });
  });
});
