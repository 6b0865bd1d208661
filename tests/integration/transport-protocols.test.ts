import { connect } from "node:net";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import {
  EventIngestionService,
  IngestEventRequestSchema,
  IngestResult,
  type StreamEventsRequestSchema,
} from "../../gen/analytics/v1/ingestion_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { selfSigned } from "../support/certificate.ts";
import { failure, http2Request, transports } from "./transport-clients.ts";
import { startPort, type TestPort } from "./transport-support.ts";

const certificate = selfSigned();
const event = create(EventSchema, { id: "e-1", userId: "u-1", name: "page_view" });

describe.each([
  ["in the clear", {}],
  ["with TLS", { tls: certificate }],
])("a port %s", (_, options) => {
  let port: TestPort;
  beforeAll(async () => {
    port = await startPort(options);
  });
  afterAll(() => port.transport.close(1000));

  const clients = () => Object.entries(transports(port.url, { ca: certificate.cert }));
  const lastCall = () => port.seen.calls.at(-1)!;

  test("answers a unary call on every protocol, with the same request and call", async () => {
    for (const [name, transport] of clients()) {
      const client = createClient(ProducerService, transport);
      const answer = await client.sendEvent({ event: { id: "e-1", userId: "u-1", properties: { a: 1 } } });
      expect(answer, name).toMatchObject({ eventId: "e-1", result: IngestResult.ACCEPTED, success: true });
      const { request, call } = lastCall();
      expect(request, name).toMatchObject({ event: { userId: "u-1", properties: { a: 1 } } });
      expect(call, name).toMatchObject({
        method: ProducerService.method.sendEvent,
        protocol: name.startsWith("gRPC-Web") ? "grpc-web" : name.startsWith("gRPC") ? "grpc" : "connect",
        principal: { project: "default" },
      });
    }
  });

  test("hands events of binary requests on as the bytes that were sent, those of JSON as messages", async () => {
    for (const [name, transport] of clients()) {
      const client = createClient(EventIngestionService, transport);
      await client.ingestEvent({ event, options: { validateOnly: true } });
      const json = name.includes("JSON");
      const sent = json ? event : toBinary(EventSchema, event);
      expect(lastCall().request, name).toMatchObject({ options: { validateOnly: true } });
      expect((lastCall().request as { event: unknown }).event, name).toEqual(
        json ? event : Uint8Array.from(sent as Uint8Array),
      );
      await client.ingestEvents({ events: [event, event] });
      expect((lastCall().request as { events: unknown[] }).events, name).toHaveLength(2);
    }
  });

  test("checks the rules of the other fields of a request with raw events", async () => {
    for (const [name, transport] of clients()) {
      const client = createClient(EventIngestionService, transport);
      const call = client.ingestEvents({ events: [], options: {} });
      expect(await failure(call), name).toEqual({ code: "InvalidArgument", reason: "INVALID_REQUEST" });
    }
  });

  test("answers a read by GET", async () => {
    const client = createClient(
      AnalyticsService,
      transports(port.url, { ca: certificate.cert })["Connect GET"]!,
    );
    await client.getAnalyticsSummary({ filter: 'name == "a&b"' });
    expect(lastCall().request).toMatchObject({ filter: 'name == "a&b"' });
    expect(port.seen.logged.at(-1)?.fields).toMatchObject({ verb: "GET", protocol: "connect" });
  });

  test("streams answers on every protocol", async () => {
    for (const [name, transport] of clients()) {
      const rows: string[] = [];
      for await (const { data } of createClient(AnalyticsService, transport).exportEvents({})) {
        rows.push(new TextDecoder().decode(data));
      }
      expect(rows, name).toEqual(["row 0\n", "row 1\n", "row 2\n"]);
    }
  });

  test("streams in both directions over HTTP/2, and says 505 over HTTP/1.1", async () => {
    for (const [name, transport] of clients()) {
      if (name === "Connect GET") continue;
      const client = createClient(EventIngestionService, transport);
      const acknowledged: bigint[] = [];
      const run = async () => {
        for await (const { message } of client.streamEvents(batches(3))) {
          if (message.case === "ack") acknowledged.push(message.value.sequence);
        }
      };
      if (name.includes("HTTP/1.1")) {
        await expect(run(), name).rejects.toThrow();
      } else {
        await run();
        expect(acknowledged, name).toEqual([1n, 2n, 3n]);
      }
    }
  });

  test("carries an error with its reason, retry delay and request id on every protocol", async () => {
    for (const [name, transport] of clients()) {
      const call = createClient(ProducerService, transport).sendEvent({ event: { userId: "full" } });
      expect(await failure(call), name).toEqual({ code: "ResourceExhausted", reason: "QUEUE_FULL" });
    }
  });

  test("says nothing of a defect but that it is one, and logs it under the request id", async () => {
    for (const [name, transport] of clients()) {
      const headers = { "x-request-id": `defect-${name.replace(/\W/g, "")}` };
      const call = createClient(ProducerService, transport).sendEvent(
        { event: { userId: "defect" } },
        { headers },
      );
      await expect(call, name).rejects.not.toThrow(/secret/);
      expect(await failure(call), name).toEqual({ code: "Internal", reason: "INTERNAL" });
      expect(port.seen.logged, name).toContainEqual(
        expect.objectContaining({
          level: "error",
          fields: expect.objectContaining({ requestId: headers["x-request-id"] }),
        }),
      );
    }
  });

  test("names a method that a later version answers", async () => {
    for (const [name, transport] of clients()) {
      const call = createClient(AnalyticsService, transport).getFunnelAnalysis({});
      expect(await failure(call), name).toEqual({ code: "Unimplemented", reason: "NOT_YET_BUILT" });
      await expect(call, name).rejects.toThrow(/AnalyticsService\/GetFunnelAnalysis/);
    }
  });
});

describe("gRPC-Web in base64", () => {
  let port: TestPort;
  beforeAll(async () => {
    port = await startPort();
  });
  afterAll(() => port.transport.close(1000));

  const request = toBinary(IngestEventRequestSchema, create(IngestEventRequestSchema, { event }));
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]);
  const call = (body: string) =>
    fetch(`${port.url}/analytics.v1.EventIngestionService/IngestEvent`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web-text", accept: "application/grpc-web-text" },
      body,
    });
  const frames = (text: string) =>
    Buffer.concat((text.match(/[^=]+=*/g) ?? []).map((part) => Buffer.from(part, "base64")));

  test.each([
    ["as one encoding", frame.toString("base64")],
    ["as several, each padded", [...frame].map((byte) => Buffer.from([byte]).toString("base64")).join("")],
  ])("is taken %s", async (_, body) => {
    const answer = await call(body);
    expect(answer.headers.get("content-type")).toBe("application/grpc-web-text+proto");
    const bytes = frames(await answer.text());
    expect(bytes[0]).toBe(0);
    expect(bytes.toString("latin1")).toContain("grpc-status: 0");
    expect((port.seen.calls.at(-1)!.request as { event: unknown }).event).toEqual(
      toBinary(EventSchema, event),
    );
  });

  test("that is no base64 is refused in base64", async () => {
    const bytes = frames(await (await call("####")).text());
    expect(bytes.toString("latin1")).toMatch(/grpc-status: 3\r\n/);
    expect(bytes.toString("latin1")).toContain("grpc-status-details-bin");
  });
});

test("HTTP/2 is told by its preface even when it comes byte by byte", async () => {
  const port = await startPort();
  try {
    const answer = await http2Request(port.url, { ":method": "GET", ":path": "/health" });
    expect(answer.status).toBe(200);
    const first = await new Promise<Buffer>((resolve, reject) => {
      const socket = connect(Number(port.url.split(":").at(-1)), "127.0.0.1");
      socket.on("error", reject);
      socket.once("data", (data: Buffer) => {
        socket.destroy();
        resolve(data);
      });
      const bytes = [...Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0, 0, 0, 4, 0, 0, 0, 0, 0];
      const send = (i: number) => {
        if (i < bytes.length) socket.write(Buffer.from([bytes[i]!]), () => setImmediate(send, i + 1));
      };
      socket.setNoDelay(true);
      send(0);
    });
    // A SETTINGS frame: its type is the fourth byte.
    expect(first[3]).toBe(4);
  } finally {
    await port.transport.close(1000);
  }
});

test("several addresses serve the same, IPv6 among them, and report the ports they took", async () => {
  const port = await startPort({ listen: ["127.0.0.1:0", "[::1]:0", "localhost:0"] });
  try {
    expect(port.addresses).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/),
      expect.stringMatching(/^\[::1\]:[1-9]\d*$/),
      expect.stringMatching(/^localhost:[1-9]\d*$/),
    ]);
    for (const address of port.addresses) expect((await fetch(`http://${address}/health`)).status).toBe(200);
  } finally {
    await port.transport.close(1000);
  }
});

test("an address that is taken fails the start, with none listened on", async () => {
  const port = await startPort();
  try {
    await expect(startPort({ listen: ["127.0.0.1:0", port.addresses[0]!] })).rejects.toThrow(/EADDRINUSE/);
  } finally {
    await port.transport.close(1000);
  }
});

type StreamEventsInit = MessageInitShape<typeof StreamEventsRequestSchema>;

async function* batches(count: number): AsyncGenerator<StreamEventsInit> {
  yield { message: { case: "config", value: {} } };
  for (let i = 1; i <= count; i++) {
    yield { message: { case: "batch", value: { sequence: BigInt(i), events: [event] } } };
  }
}
