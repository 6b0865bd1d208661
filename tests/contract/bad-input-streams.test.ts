/** StreamEvents with what it refuses: the stream ends with the reason, and what came before it is kept. */
import { create, fromBinary, fromJsonString, toBinary, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import {
  EventIngestionService,
  StreamEventsRequestSchema,
  StreamEventsResponseSchema,
} from "../../gen/analytics/v1/ingestion_pb.js";
import { rawMethod } from "../../src/contract/raw.ts";
import { envelopes } from "../support/failures.ts";
import { type RawRequest, sendRaw } from "../support/http.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { envelope, streamWires, type Wire } from "../support/wires.ts";

const { streamEvents } = EventIngestionService.method;
type Sent = Record<string, unknown>;
const config: Sent = { case: "config", value: {} };
const batch = (sequence: number, ...events: object[]): Sent => ({
  case: "batch",
  value: { sequence: BigInt(sequence), events },
});
const event = { id: "e-1", userId: "u-1", name: "click" };

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** A stream's whole request, with bytes of its own at the end. */
function streamOf(wire: Wire, messages: readonly Sent[], last: Uint8Array = Buffer.alloc(0)): RawRequest {
  const sent = messages.map((message) => {
    const request = create(StreamEventsRequestSchema, { message } as never);
    const bytes = wire.json
      ? Buffer.from(JSON.stringify(toJson(StreamEventsRequestSchema, request)))
      : toBinary(StreamEventsRequestSchema, request);
    return envelope(bytes);
  });
  const request = wire.request(streamEvents, create(StreamEventsRequestSchema))!;
  return wire.withBody(request, Buffer.concat([...sent, last]));
}

function answersOf(wire: Wire, body: Buffer) {
  return envelopes(body)
    .filter(({ flags }) => flags === 0)
    .map(({ data }) =>
      wire.json
        ? fromJsonString(StreamEventsResponseSchema, data.toString())
        : fromBinary(StreamEventsResponseSchema, data),
    );
}

interface BadStream {
  readonly what: string;
  readonly messages: readonly Sent[];
  readonly last?: Uint8Array;
  readonly code?: string;
  readonly reason: string;
  readonly field?: string;
}

const bad: readonly BadStream[] = [
  {
    what: "a batch before the configuration",
    messages: [batch(1, event)],
    reason: "INVALID_REQUEST",
    field: "config",
  },
  { what: "a second configuration", messages: [config, config], reason: "INVALID_REQUEST", field: "config" },
  {
    what: "nothing in a message",
    messages: [{ case: undefined }],
    reason: "INVALID_REQUEST",
    field: "message",
  },
  {
    what: "a batch out of order",
    messages: [config, batch(2, event)],
    reason: "INVALID_REQUEST",
    field: "batch.sequence",
  },
  { what: "an empty batch", messages: [config, batch(1)], reason: "INVALID_REQUEST", field: "batch.events" },
  {
    what: "1,001 events in a batch",
    messages: [config, batch(1, ...Array(1001).fill(event))],
    reason: "INVALID_REQUEST",
    field: "batch.events",
  },
  {
    what: "a message that does not parse",
    messages: [config],
    last: envelope(Buffer.from([0xff])),
    reason: "MALFORMED_BODY",
  },
  {
    what: "a message that breaks off",
    messages: [config],
    last: Buffer.from([0, 0, 0, 0, 9, 1]),
    reason: "MALFORMED_BODY",
  },
  {
    what: "a message of more than 8 MiB",
    messages: [config],
    last: envelope(Buffer.alloc(8 * 1024 * 1024 + 1, " ")),
    code: "ResourceExhausted",
    reason: "BODY_TOO_LARGE",
  },
];

describe.each(streamWires("2"))("over $name", (wire) => {
  test.each(bad)(
    "$what ends the stream",
    async ({ messages, last, code = "InvalidArgument", reason, field }) => {
      const failure = wire.failure(await sendRaw(server.url, streamOf(wire, messages, last)));
      expect(failure).toMatchObject({ status: 200, code, reason, domain: "weir" });
      expect(failure.message).not.toBe("");
      expect(failure.requestId).toMatch(/^[\w-]{36}$/);
      expect(failure.violations.map((violation) => violation.field)).toEqual(
        field === undefined ? [] : [field],
      );
    },
  );

  test("what was sent before the mistake is acknowledged", async () => {
    const good = { ...event, id: wire.name, userId: "kept" };
    const answer = await sendRaw(server.url, streamOf(wire, [config, batch(1, good), batch(3, good)]));
    expect(wire.failure(answer)).toMatchObject({ reason: "INVALID_REQUEST" });
    const again = await sendRaw(server.url, streamOf(wire, [config, batch(1, good)]));
    expect(answersOf(wire, again.body)).toMatchObject([
      { message: { case: "credit" } },
      { message: { case: "ack", value: { sequence: 1n, result: { duplicateCount: 1 } } } },
      { message: { case: "credit", value: { events: 1 } } },
    ]);
  });
});

describe.each(streamWires("2").filter(({ json }) => !json))("over $name", (wire) => {
  test("an event that does not parse is rejected alone, as in a batch by itself", async () => {
    const { input } = rawMethod(streamEvents)!;
    const good = toBinary(
      EventSchema,
      create(EventSchema, { ...event, id: `${wire.name} raw`, userId: "kept" }),
    );
    const message = batch(1, good, Buffer.from([0xff]));
    const bytes = toBinary(input, create(input, { message } as never));
    const answer = await sendRaw(server.url, streamOf(wire, [config], envelope(bytes)));
    expect(answersOf(wire, answer.body)[1]).toMatchObject({
      message: {
        case: "ack",
        value: {
          result: {
            acceptedCount: 1,
            rejected: [{ index: 1, violations: [{ field: "batch.events[1]", ruleId: "parse" }] }],
          },
        },
      },
    });
  });
});

describe.each(streamWires("1.1"))("over HTTP/1.1, $name", (wire) => {
  test("is answered with 505 and the reason", async () => {
    const answer = await sendRaw(server.url, streamOf(wire, [config, batch(1, event)]));
    expect(wire.failure(answer)).toMatchObject({
      status: 505,
      code: "Unimplemented",
      reason: "HTTP_VERSION_NOT_SUPPORTED",
      domain: "weir",
      message: expect.stringMatching(/StreamEvents.*HTTP\/2/),
    });
  });
});

test("of all that only the good events are stored, and the server is well", async () => {
  const good = streamWires("2").length + streamWires("2").filter(({ json }) => !json).length;
  const health = await (await fetch(`${server.url}/health`)).json();
  expect(health).toMatchObject({ status: "healthy" });
  await expect
    .poll(async () => (await fetch(`${server.url}/v1/analytics/summary`)).json())
    .toMatchObject({ total_events: String(good), unique_users: "1" });
});
