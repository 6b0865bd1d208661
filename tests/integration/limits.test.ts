/** Limits of keys and of memory over the real port. */
import { EventEmitter, once } from "node:events";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import {
  create,
  type DescMethod,
  type Message,
  type MessageInitShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWeirClient, Scope, type WeirClient } from "../../client/node/index.ts";
import {
  EventIngestionService,
  type StreamEventsRequestSchema,
} from "../../gen/analytics/v1/ingestion_pb.js";
import { type RawAnswer, type RawRequest, sendRaw } from "../support/http.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { streamWires, type Wire, wires } from "../support/wires.ts";
import { startPort, type TestPort } from "./transport-support.ts";

const bootstrapKey = "the-operators-first-key-of-all";
const { ingestEvents, streamEvents } = EventIngestionService.method;

let server: RunningServer;
let operator: WeirClient;
beforeAll(async () => {
  server = await startServer({
    args: ["--auth", "required", "--burst", "1s"],
    env: { WEIR_BOOTSTRAP_KEY: bootstrapKey },
  });
  operator = createWeirClient({ url: server.url, apiKey: bootstrapKey });
});
afterAll(async () => {
  await operator.close();
  await server.stop();
});

/** A key whose rate allows one batch, and then nothing for a long time. */
async function slowKey(): Promise<string> {
  const { secret } = await operator.admin.createApiKey({
    name: "slow",
    scopes: [Scope.INGEST],
    limits: { eventsPerSecond: 1 },
  });
  return secret;
}

const events = Array.from({ length: 100 }, (_, i) => ({ id: `e-${i}`, userId: "u", name: "n" }));

describe("a key beyond its rate", () => {
  it.each(wires)("is refused with a retry delay over $name, and others are not", async (wire) => {
    const [slow, other] = [await slowKey(), await slowKey()];
    const send = async (key: string) => {
      const request = wire.request(ingestEvents, create(ingestEvents.input, { events }))!;
      return sendRaw(server.url, { ...request, headers: { ...request.headers, "x-api-key": key } });
    };
    expect(wire.message(ingestEvents, await send(slow)).$typeName).toBe(ingestEvents.output.typeName);
    const answer = await send(slow);
    const failure = wire.failure(answer);
    expect(failure).toMatchObject({ code: "ResourceExhausted", reason: "RATE_LIMITED" });
    expect(failure.retryDelayMs).toBeGreaterThan(90_000);
    if (!wire.framed) {
      expect(answer.status).toBe(429);
      expect(Number(answer.headers.get("retry-after"))).toBe(Math.ceil(failure.retryDelayMs! / 1000));
    }
    expect(wire.message(ingestEvents, await send(other)).$typeName).toBe(ingestEvents.output.typeName);
  });

  it("is refused before its body is read, and counted", async () => {
    const key = await slowKey();
    const path = "/v1/events/batch";
    await fetch(server.url + path, {
      method: "POST",
      headers: { "x-api-key": key },
      body: JSON.stringify({ events: events.map(({ userId, ...event }) => ({ ...event, user_id: userId })) }),
    });
    const before = await rateLimited();
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${key}\r\ncontent-length: 1000000\r\n\r\n`,
    );
    const [answer] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 429 /);
    expect(await rateLimited()).toBe(before + 1);
  });

  async function rateLimited(): Promise<number> {
    const answer = await fetch(`${server.url}/metrics`, { headers: { "x-api-key": bootstrapKey } });
    return Number(
      /^weir_rate_limited_total\{project="default"\} (\d+)$/m.exec(await answer.text())?.[1] ?? 0,
    );
  }
});

it("a project's limit holds for all its keys together", async () => {
  const { secret } = await operator.admin.createProject({ projectId: "small" });
  const admin = createWeirClient({ url: server.url, apiKey: secret, retry: { maxAttempts: 1 } });
  const keys = await Promise.all(
    ["a", "b"].map(async (name) => (await admin.admin.createApiKey({ name, scopes: [Scope.INGEST] })).secret),
  );
  await admin.admin.updateProjectSettings({ settings: { limits: { eventsPerSecond: 1 } } });
  const status = async (key: string) => {
    const body = JSON.stringify({ events: events.map(({ id }) => ({ id, user_id: "u" })) });
    const headers = { "x-api-key": key };
    return (await fetch(`${server.url}/v1/events/batch`, { method: "POST", headers, body })).status;
  };
  expect(await status(keys[0]!)).toBe(200);
  expect(await status(keys[1]!)).toBe(429);
  // Who owes events is still administered, asked about and found well.
  const read = createWeirClient({
    url: server.url,
    apiKey: (await admin.admin.createApiKey({ name: "q", scopes: [Scope.QUERY] })).secret,
    retry: { maxAttempts: 1 },
  });
  await read.analytics.getAnalyticsSummary({});
  await read.analytics.getAnalyticsHealth({});
  await read.close();
  await admin.admin.updateProjectSettings({ settings: {} });
  await admin.close();
});

it("a loud key locks nobody out who lifts its project's limit of requests or revokes it", async () => {
  const once = (apiKey: string) => createWeirClient({ url: server.url, apiKey, retry: { maxAttempts: 1 } });
  const { secret } = await operator.admin.createProject({ projectId: "loud" });
  const [admin, platform] = [once(secret), once(bootstrapKey)];
  const settings = { limits: { requestsPerSecond: 1 } };
  for (const [client, ask] of [
    [admin, () => admin.admin.listApiKeys({})],
    [platform, () => platform.admin.listProjects({})],
  ] as const) {
    const made = await client.admin.createApiKey({ name: "loud", scopes: [Scope.INGEST] });
    await client.admin.updateProjectSettings({ settings });
    const send = async () => {
      const body = JSON.stringify({ event: { user_id: "u", name: "n" } });
      const headers = { "x-api-key": made.secret };
      const sent = Array.from({ length: 50 }, () =>
        fetch(`${server.url}/v1/events`, { method: "POST", headers, body }).then(({ status }) => status),
      );
      return Promise.all(sent);
    };
    const loud = send();
    for (let i = 0; i < 20; i++) await ask();
    expect(await loud).toContain(429);
    await client.admin.revokeApiKey({ keyId: made.key!.keyId });
    await client.admin.updateProjectSettings({ settings: {} });
    await client.close();
  }
});

it("a stream beyond its rate is not refused but read more slowly", async () => {
  const { secret } = await operator.admin.createApiKey({
    name: "stream",
    scopes: [Scope.INGEST],
    limits: { eventsPerSecond: 200 },
  });
  const client = createWeirClient({ url: server.url, apiKey: secret });
  async function* requests(): AsyncGenerator<MessageInitShape<typeof StreamEventsRequestSchema>> {
    yield { message: { case: "config", value: {} } };
    for (let sequence = 1n; sequence <= 4n; sequence++) {
      yield { message: { case: "batch", value: { sequence, events } } };
    }
  }
  const acks: bigint[] = [];
  for await (const { message } of client.ingestion.streamEvents(requests())) {
    if (message.case === "ack") acks.push(message.value.sequence);
  }
  expect(acks).toEqual([1n, 2n, 3n, 4n]);
  await client.close();
});

it("a project's rate that is set reaches a stream under way, and so does its lifting", async () => {
  const { secret } = await operator.admin.createProject({ projectId: "steered" });
  const admin = createWeirClient({ url: server.url, apiKey: secret });
  const made = await admin.admin.createApiKey({ name: "s", scopes: [Scope.INGEST] });
  const client = createWeirClient({ url: server.url, apiKey: made.secret, retry: { maxAttempts: 1 } });
  const turns = new EventEmitter();
  async function* requests(): AsyncGenerator<MessageInitShape<typeof StreamEventsRequestSchema>> {
    yield { message: { case: "config", value: {} } };
    for (let sequence = 1n; sequence <= 3n; sequence++) {
      yield { message: { case: "batch", value: { sequence, events } } };
      if (sequence < 3n) await once(turns, `${sequence}`);
    }
  }
  const acks: bigint[] = [];
  for await (const { message } of client.ingestion.streamEvents(requests())) {
    if (message.case !== "ack") continue;
    acks.push(message.value.sequence);
    if (message.value.sequence === 1n) {
      await admin.admin.updateProjectSettings({ settings: { limits: { eventsPerSecond: 1 } } });
      turns.emit("1");
    }
    if (message.value.sequence === 2n) {
      // The stream owes for its second batch, which its project's other calls are told.
      await expect(client.ingestion.ingestEvents({ events })).rejects.toThrow(/1 events a second/);
      turns.emit("2");
      await admin.admin.updateProjectSettings({ settings: {} });
    }
  }
  expect(acks).toEqual([1n, 2n, 3n]);
  await client.close();
  await admin.close();
});

it("streams of one key are bounded, and leave places to others", async () => {
  const limits = { concurrentStreams: 1 };
  const made = await operator.admin.createApiKey({ name: "t", scopes: [Scope.QUERY], limits });
  const tail = async (key: string, signal: AbortSignal) => {
    const client = createWeirClient({ url: server.url, apiKey: key });
    const stream = client.analytics.tailEvents({}, { signal })[Symbol.asyncIterator]();
    const first = await stream.next().then(
      () => "open",
      (error: { code: number }) => error.code,
    );
    return { first, end: () => client.close() };
  };
  const leaving = new AbortController();
  const query = async () => {
    const { secret } = await operator.admin.createApiKey({ name: "o", scopes: [Scope.INGEST, Scope.QUERY] });
    return secret;
  };
  const other = await query();
  // A tail's first message comes with the first event.
  const opened = tail(made.secret, leaving.signal);
  const others = tail(other, leaving.signal);
  await expect
    .poll(async () => (await tail(made.secret, AbortSignal.timeout(5000))).first, { timeout: 10_000 })
    .toBe(8);
  const sender = createWeirClient({ url: server.url, apiKey: other });
  await sender.ingestion.ingestEvent({ event: { id: "late", userId: "u", name: "n" } });
  const ends = await Promise.all([opened, others]);
  expect(ends.map(({ first }) => first)).toEqual(["open", "open"]);
  leaving.abort();
  for (const { end } of ends) await end();
  await sender.close();
});

/** A field that no message has, which a reader of protobuf passes over. */
function unknownField(bytes: number): Buffer {
  return Buffer.from(
    new BinaryWriter().tag(1023, WireType.LengthDelimited).bytes(new Uint8Array(bytes)).finish(),
  );
}

describe("the bytes of a body", () => {
  const oneEvent = create(ingestEvents.input, { events: [{ id: "e", userId: "u", name: "n" }] });
  /** A request for the method whose message is of so many bytes, which mean nothing and pack well. */
  const padded = (wire: Wire, method: DescMethod, message: Message, bytes: number) => {
    if (wire.json) return Buffer.from(JSON.stringify(toJson(method.input, message)).padEnd(bytes, " "));
    return Buffer.concat([toBinary(method.input, message), unknownField(bytes)]);
  };

  it.each(wires)("count as what they become, over $name", async (wire) => {
    const made = { name: "b", scopes: [Scope.INGEST], limits: { bytesPerSecond: 100_000n } };
    const { secret } = await operator.admin.createApiKey(made);
    const send = (request: RawRequest) =>
      sendRaw(server.url, { ...request, headers: { ...request.headers, "x-api-key": secret } });
    const body = gzipSync(padded(wire, ingestEvents, oneEvent, 4_000_000));
    expect(body.length).toBeLessThan(8192);
    const plain = wire.request(ingestEvents, oneEvent)!;
    wire.message(ingestEvents, await send(wire.withGzip(plain, body)));
    const failure = wire.failure(await send(plain));
    expect(failure).toMatchObject({ code: "ResourceExhausted", reason: "RATE_LIMITED" });
    // It owes what is beyond the burst: nearly 39 seconds of its rate.
    expect(failure.retryDelayMs).toBeGreaterThan(10_000);
  });

  describe("that would not fit into memory", () => {
    let port: TestPort;
    let slow: Socket;
    beforeAll(async () => {
      // Far more are refused here than may be under way: what is refused does not count as that.
      port = await startPort({ limits: { maxRequestMemoryBytes: 1_000_000, maxCalls: 10 } });
      slow = connect(Number(new URL(port.url).port), "127.0.0.1");
      const head = "POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
      slow.write(`${head}content-length: 900000\r\n\r\n${"{".padEnd(899_999, " ")}`);
      // Whole before another comes, beside which it would be refused itself.
      await vi.waitFor(() => expect(port.transport.room.requestMemory().used).toBe(899_999));
      const body = Buffer.alloc(200_000, " ");
      const fill = () =>
        sendRaw(port.url, { version: "1.1", verb: "POST", path: "/events", headers: {}, body });
      for (let i = 0; i < 11; i++) expect((await fill()).status).toBe(429);
    });
    afterAll(async () => {
      slow.destroy();
      await port.transport.close(0);
    });

    const refusal = { code: "ResourceExhausted", reason: "OUT_OF_MEMORY", retryDelayMs: 1000 };

    it.each(wires)("are refused as they are unpacked, over $name", async (wire) => {
      const plain = wire.request(ingestEvents, oneEvent)!;
      const send = (bytes: number) =>
        sendRaw(port.url, wire.withGzip(plain, gzipSync(padded(wire, ingestEvents, oneEvent, bytes))));
      for (let i = 0; i < 11; i++) expect(wire.failure(await send(200_000))).toMatchObject(refusal);
      expect(port.seen.records.at(-1)).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "OUT_OF_MEMORY" });
      expect(port.transport.room.requestMemory().refused).toBeGreaterThan(0);
      wire.message(ingestEvents, await send(50_000));
    });

    it.each(wires)(
      "are refused as they come, of whatever length they say nothing, over $name",
      async (wire) => {
        const plain = wire.request(ingestEvents, oneEvent)!;
        const send = (bytes: number) => {
          const request = wire.withMessage(plain, padded(wire, ingestEvents, oneEvent, bytes));
          return sendRaw(port.url, { ...request, chunked: true });
        };
        for (let i = 0; i < 11; i++) expect(wire.failure(await send(200_000))).toMatchObject(refusal);
        wire.message(ingestEvents, await send(50_000));
      },
    );

    /** Undefined where the answer tells none. */
    const failureIn = (wire: Wire, answer: RawAnswer) => {
      try {
        return wire.failure(answer);
      } catch {
        return {};
      }
    };

    it.each(streamWires("2"))("end their stream, over $name", async (wire) => {
      const message = create(streamEvents.input, { message: { case: "batch", value: { sequence: 1n } } });
      const plain = wire.request(streamEvents, message)!;
      const send = (bytes: number, packed: boolean) => {
        const body = padded(wire, streamEvents, message, bytes);
        return sendRaw(
          port.url,
          packed ? wire.withGzip(plain, gzipSync(body)) : wire.withMessage(plain, body),
        );
      };
      for (const packed of [true, false]) {
        expect(wire.failure(await send(200_000, packed))).toMatchObject(refusal);
        const taken = await send(50_000, packed);
        expect(wire.message(streamEvents, taken).$typeName).toBe(streamEvents.output.typeName);
        expect(failureIn(wire, taken)).not.toMatchObject(refusal);
      }
    });

    it("in the query of a GET are refused before they are unpacked", async () => {
      const message = gzipSync("{}".padEnd(200_000, " ")).toString("base64url");
      const query = new URLSearchParams({ encoding: "json", compression: "gzip", base64: "1", message });
      const path = "/analytics.v1.AnalyticsService/GetAnalyticsSummary";
      const answer = await fetch(`${port.url}${path}?${query}`);
      expect(answer.status).toBe(429);
      expect(await answer.json()).toMatchObject({ code: "resource_exhausted" });
    });
  });
});

it("requests that would not fit into memory are refused before they are read, until others are answered", async () => {
  const port = await startPort({ limits: { maxRequestMemoryBytes: 1_000_000 } });
  const address = new URL(port.url);
  const open = () => connect(Number(address.port), "127.0.0.1");
  const head = "POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
  const body = JSON.stringify({ id: "e", user_id: "u", event_type: "n", source: "x".repeat(100) });
  const padded = body.padEnd(900_000, " ");
  const slow = open();
  slow.write(`${head}content-length: ${padded.length}\r\n\r\n${padded.slice(0, -1)}`);
  const send = (bytes: number) =>
    fetch(`${port.url}/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: body.padEnd(bytes, " "),
    });
  // Before it is there, others have the room.
  await expect
    .poll(() => port.transport.room.requestMemory().used, { timeout: 15_000 })
    .toBeGreaterThan(800_000);
  const refused = await send(200_000);
  expect(await refused.json()).toMatchObject({ details: [{ reason: "OUT_OF_MEMORY" }, {}] });
  expect(refused.headers.get("retry-after")).toBe("1");
  expect((await send(50_000)).status).toBe(200);
  expect((await fetch(`${port.url}/v1/producer/health`)).status).toBe(200);
  slow.write(padded.slice(-1));
  const [answer] = (await once(slow, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
  expect((await send(900_000)).status).toBe(200);
  slow.destroy();
  await port.transport.close(0);
});
