/** What is wrong with a request is told with a typed error in the words of its protocol, and the server goes on. */
import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { http2Request, tcpExchange } from "./transport-clients.ts";
import { startPort, type TestPort } from "./transport-support.ts";

const maxBodyBytes = 64 * 1024;
let port: TestPort;
const consoleError = vi.spyOn(console, "error");
beforeAll(async () => {
  port = await startPort({ limits: { maxBodyBytes } });
});
afterEach(async () => {
  expect((await fetch(`${port.url}/health`)).status).toBe(200);
});
afterAll(async () => {
  await port.transport.close(1000);
  expect(consoleError).not.toHaveBeenCalled();
});

const sendEvent = "/analytics.v1.ProducerService/SendEvent";
const ingestEvent = "/analytics.v1.EventIngestionService/IngestEvent";
const ingestEvents = "/analytics.v1.EventIngestionService/IngestEvents";
const exportEvents = "/analytics.v1.AnalyticsService/ExportEvents";
const summary = "/analytics.v1.AnalyticsService/GetAnalyticsSummary";

interface Told {
  readonly status: number;
  readonly code: string | number;
  readonly reason: string;
  readonly message: string;
  readonly fields: readonly string[];
}

const post = (path: string, type: string | undefined, body: string | Uint8Array, headers = {}) =>
  fetch(port.url + path, {
    method: "POST",
    headers: { ...(type ? { "content-type": type } : {}), ...headers },
    body: body as never,
  });

/** Of a JSON error: Connect's own form, or that of REST. */
async function told(response: Response | Promise<Response>): Promise<Told> {
  const answer = await response;
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
  return toTold(answer.status, await answer.json());
}

interface JsonError {
  code: string | number;
  message: string;
  details: {
    type?: string;
    "@type"?: string;
    debug?: Detail;
    reason?: string;
    field_violations?: { field: string }[];
  }[];
}
interface Detail {
  reason?: string;
  fieldViolations?: { field: string }[];
}

function toTold(status: number, json: unknown): Told {
  const { code, message, details } = json as JsonError;
  const reason = details.map((detail) => detail.debug?.reason ?? detail.reason).find((r) => r !== undefined);
  const fields = details.flatMap((detail) => detail.debug?.fieldViolations ?? detail.field_violations ?? []);
  return { status, code, message, reason: reason ?? "none", fields: fields.map(({ field }) => field) };
}

/** Of gRPC trailers. */
function toldByStatus(details: string | undefined): { code: number; reason: string | undefined } {
  const status = fromBinary(StatusSchema, base64Decode(details ?? ""));
  const info = status.details
    .map((detail) => anyUnpack(detail, ErrorInfoSchema))
    .find((found) => found !== undefined);
  return { code: status.code, reason: info?.reason };
}

const big = JSON.stringify({ event: { userId: "u".repeat(maxBodyBytes) } });
const frame = (body: Uint8Array, flags = 0, length = body.length) => {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
};

describe("over REST", () => {
  test.each<[what: string, request: () => Promise<Response>, expected: Partial<Told>]>([
    [
      "malformed JSON",
      () => post("/events", "application/json", "{"),
      { status: 400, code: 3, reason: "MALFORMED_BODY" },
    ],
    [
      "JSON that is no object",
      () => post("/v1/events", "application/json", "[]"),
      { status: 400, code: 3, reason: "MALFORMED_BODY" },
    ],
    [
      "text that is no UTF-8",
      () => post("/events", "application/json", Buffer.from([0x7b, 0xff])),
      { status: 400, code: 3, reason: "MALFORMED_BODY" },
    ],
    [
      "an unknown field",
      () => post("/events", "application/json", '{"user_idx":"u"}'),
      { status: 400, code: 3, reason: "INVALID_REQUEST", fields: ["event.user_idx"] },
    ],
    [
      "a nested unknown field",
      () => post("/v1/events", "application/json", '{"event":{"user_event":{"x":1}},"options":{"y":1}}'),
      { fields: ["event.user_event.x", "options.y"] },
    ],
    [
      "an enum that is none",
      () => post("/v1/events", "application/json", '{"event":{"event_type":"NOPE"}}'),
      { status: 400, fields: ["event.event_type"] },
    ],
    [
      "a value of the wrong type",
      () => post("/events", "application/json", '{"user_id":5}'),
      { status: 400, fields: ["event.user_id"] },
    ],
    [
      "a broken rule",
      () => post("/v1/events/batch", "application/json", '{"events":[]}'),
      { status: 400, reason: "INVALID_REQUEST", fields: ["events"] },
    ],
    [
      "no body",
      () => post("/events", "application/json", ""),
      { status: 400, reason: "INVALID_REQUEST", fields: ["event"] },
    ],
    [
      "a body that is too large",
      () => post("/events", "application/json", big),
      { status: 413, code: 8, reason: "BODY_TOO_LARGE" },
    ],
    [
      "a body that is too large unpacked",
      () => post("/events", "application/json", gzipSync(big), { "content-encoding": "gzip" }),
      { status: 413, code: 8, reason: "BODY_TOO_LARGE" },
    ],
    [
      "a body that is no gzip",
      () => post("/events", "application/json", "no", { "content-encoding": "gzip" }),
      { status: 400, reason: "MALFORMED_BODY" },
    ],
    [
      "an unknown encoding",
      () => post("/events", "application/json", "no", { "content-encoding": "zstd" }),
      { status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "a charset that JSON does not have",
      () => post("/events", "application/json; charset=utf-16", Buffer.from('{"user_id":"u"}')),
      { status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "an unknown content type",
      () => post("/events", "application/x-www-form-urlencoded", "a=1"),
      { status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "plain text where none is taken",
      () => post("/v1/events", "text/plain", "{}"),
      { status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "a wrong method",
      () => fetch(`${port.url}/events`),
      { status: 405, code: 12, reason: "METHOD_NOT_ALLOWED" },
    ],
    [
      "a wrong method on a page",
      () => post("/health", undefined, ""),
      { status: 405, reason: "METHOD_NOT_ALLOWED" },
    ],
    ["a wrong path", () => fetch(`${port.url}/v2/events`), { status: 404, code: 5, reason: "NO_SUCH_ROUTE" }],
    [
      "a path with broken encoding",
      () => fetch(`${port.url}/v1/analytics/users/%zz`),
      { status: 400, reason: "INVALID_REQUEST" },
    ],
    [
      "an unknown parameter",
      () => fetch(`${port.url}/v1/analytics/summary?filtr=1`),
      { status: 400, reason: "INVALID_REQUEST", fields: ["filtr"] },
    ],
    [
      "a parameter that does not parse",
      () => fetch(`${port.url}/v1/analytics/summary?time_range.start=now`),
      { status: 400, fields: ["time_range.start"] },
    ],
    [
      "a timeout that is none",
      () => fetch(`${port.url}/v1/events/health`, { headers: { "connect-timeout-ms": "soon" } }),
      { status: 400, fields: ["connect-timeout-ms"] },
    ],
  ])("%s", async (_, request, expected) => {
    expect(await told(request())).toMatchObject(expected);
  });

  test("names the methods that a path takes", async () => {
    expect((await fetch(`${port.url}/events`)).headers.get("allow")).toBe("POST, OPTIONS");
  });

  test.each([
    ["/events", "POST, OPTIONS"],
    ["/health", "GET, HEAD, OPTIONS"],
    [sendEvent, "POST, OPTIONS"],
    [summary, "GET, POST, OPTIONS"],
  ])("tells by OPTIONS the methods that %s takes", async (path, methods) => {
    const answer = await fetch(port.url + path, { method: "OPTIONS" });
    expect([answer.status, answer.headers.get("allow"), await answer.text()]).toEqual([204, methods, ""]);
  });

  test("tells by OPTIONS that nothing is there", async () => {
    expect((await fetch(`${port.url}/v2/events`, { method: "OPTIONS" })).status).toBe(404);
  });

  test("an answer without a body to HEAD, whatever it is", async () => {
    const response = await fetch(`${port.url}/v2/events`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([404, ""]);
  });
});

describe("over Connect", () => {
  test.each<[what: string, request: () => Promise<Response>, expected: Partial<Told>]>([
    [
      "malformed JSON",
      () => post(sendEvent, "application/json", "{"),
      { status: 400, code: "invalid_argument", reason: "MALFORMED_BODY" },
    ],
    [
      "an unknown field",
      () => post(sendEvent, "application/json", '{"event":{"userIdx":"u"}}'),
      { status: 400, code: "invalid_argument", reason: "INVALID_REQUEST", fields: ["event.userIdx"] },
    ],
    [
      "an unknown field, packed",
      () =>
        post(sendEvent, "application/json", gzipSync('{"event":{"userIdx":"u"}}'), {
          "content-encoding": "gzip",
        }),
      { status: 400, fields: ["event.userIdx"] },
    ],
    [
      "an element that does not parse",
      () => post(ingestEvents, "application/json", '{"events":[{"userId":"u"},{"userId":1}]}'),
      { status: 400, reason: "INVALID_REQUEST", fields: ["events[1].userId"] },
    ],
    [
      "a day that no calendar has",
      () => post(ingestEvent, "application/json", '{"event":{"timestamp":"2023-02-29T12:00:00Z"}}'),
      { status: 400, code: "invalid_argument", reason: "INVALID_REQUEST", fields: ["event.timestamp"] },
    ],
    [
      "a day that no calendar has, written with escapes, in a batch",
      () =>
        post(ingestEvents, "application/json", '{"events":[{},{"timestamp":"2023-0\\u0032-29T12:00:00Z"}]}'),
      { status: 400, reason: "INVALID_REQUEST", fields: ["events[1].timestamp"] },
    ],
    [
      "an hour that no day has, packed",
      () =>
        post(ingestEvent, "application/json", gzipSync('{"event":{"timestamp":"2023-02-28T24:00:00Z"}}'), {
          "content-encoding": "gzip",
        }),
      { status: 400, reason: "INVALID_REQUEST", fields: ["event.timestamp"] },
    ],
    [
      "text that is no UTF-8",
      () => post(sendEvent, "application/json", Buffer.from('{"event":{"name":"\xff"}}', "latin1")),
      { status: 400, code: "invalid_argument", reason: "MALFORMED_BODY" },
    ],
    [
      "malformed binary",
      () => post(sendEvent, "application/proto", Buffer.from([0xff])),
      { status: 400, code: "invalid_argument", reason: "MALFORMED_BODY" },
    ],
    [
      "a broken rule",
      () => post(sendEvent, "application/json", "{}"),
      { status: 400, code: "invalid_argument", reason: "INVALID_REQUEST", fields: ["event"] },
    ],
    [
      "a body that is too large",
      () => post(sendEvent, "application/json", big),
      { status: 429, code: "resource_exhausted", reason: "BODY_TOO_LARGE" },
    ],
    [
      "a body that is too large unpacked",
      () => post(sendEvent, "application/json", gzipSync(big), { "content-encoding": "gzip" }),
      { status: 429, reason: "BODY_TOO_LARGE" },
    ],
    [
      "a body that is no gzip",
      () => post(sendEvent, "application/json", "no", { "content-encoding": "gzip" }),
      { status: 400, reason: "MALFORMED_BODY" },
    ],
    [
      "a charset that JSON does not have",
      () => post(sendEvent, "application/json; charset=utf-16", "{}"),
      { status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "another version of the protocol",
      () => post(sendEvent, "application/json", "{}", { "connect-protocol-version": "9" }),
      { status: 400, reason: "INVALID_REQUEST", fields: ["connect-protocol-version"] },
    ],
    [
      "another version of the protocol by GET",
      () => fetch(`${port.url}${summary}?encoding=json&message={}&connect=v9`),
      { status: 400, reason: "INVALID_REQUEST", fields: ["connect"] },
    ],
    [
      "an unknown encoding",
      () => post(sendEvent, "application/json", "{}", { "content-encoding": "zstd" }),
      { code: "unimplemented", reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "an unknown content type",
      () => post(sendEvent, "text/xml", "<a/>"),
      { status: 415, code: "invalid_argument", reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "a body without content type",
      () => post(sendEvent, undefined, Buffer.from("{}")),
      { status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "a stream's content type for a unary method",
      () => post(sendEvent, "application/connect+json", "{}").then(rewritten),
      { status: 200, reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "GET of a method with effects",
      () => fetch(`${port.url}${sendEvent}?encoding=json&message={}`),
      { status: 405, reason: "METHOD_NOT_ALLOWED" },
    ],
    [
      "PUT",
      () => fetch(port.url + sendEvent, { method: "PUT" }),
      { status: 405, reason: "METHOD_NOT_ALLOWED" },
    ],
    [
      "an unknown parameter of GET",
      () => fetch(`${port.url}${summary}?encoding=json&message={}&filter=a`),
      { status: 400, reason: "INVALID_REQUEST", fields: ["filter"] },
    ],
    [
      "GET without an encoding",
      () => fetch(`${port.url}${summary}?message={}`),
      { status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" },
    ],
    [
      "GET with an unknown field",
      () => fetch(`${port.url}${summary}?encoding=json&message=${encodeURIComponent('{"filtr":"a"}')}`),
      { status: 400, fields: ["filtr"] },
    ],
    [
      "GET with a day that no calendar has",
      () =>
        fetch(
          `${port.url}${summary}?encoding=json&message=${encodeURIComponent('{"timeRange":{"start":"2023-02-29T00:00:00Z"}}')}`,
        ),
      { status: 400, reason: "INVALID_REQUEST", fields: ["timeRange.start"] },
    ],
    [
      "GET with broken base64",
      () => fetch(`${port.url}${summary}?encoding=proto&base64=1&message=***`),
      { status: 400, fields: ["message"] },
    ],
    [
      "a timeout that is none",
      () => post(sendEvent, "application/json", "{}", { "connect-timeout-ms": "-1" }),
      { status: 400, fields: ["connect-timeout-ms"] },
    ],
    [
      "a method that is not there",
      () => post("/analytics.v1.ProducerService/Nope", "application/json", "{}"),
      { status: 404, reason: "NO_SUCH_ROUTE" },
    ],
  ])("%s", async (_, request, expected) => {
    expect(await told(request())).toMatchObject(expected);
  });

  test.each([
    ["a message cut short", frame(Buffer.from("{"), 0, 10), "MALFORMED_BODY"],
    ["a body that ends behind the head", frame(new Uint8Array(), 0, 10), "MALFORMED_BODY"],
    ["no message", new Uint8Array(), "MALFORMED_BODY"],
    ["malformed JSON", frame(Buffer.from("{")), "MALFORMED_BODY"],
    ["an unknown field", frame(Buffer.from('{"filtr":1}')), "INVALID_REQUEST"],
    ["a message that is too large", frame(new Uint8Array(maxBodyBytes + 1)), "BODY_TOO_LARGE"],
  ])("on a stream: %s", async (_, body, reason) => {
    const response = await post(exportEvents, "application/connect+json", body);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect([response.status, bytes[0]]).toEqual([200, 2]);
    const { error } = JSON.parse(bytes.subarray(5).toString()) as { error: unknown };
    expect(toTold(200, error)).toMatchObject({ reason });
  });

  /** The last frame of a stream's answer as a unary error. */
  async function rewritten(response: Response): Promise<Response> {
    const bytes = Buffer.from(await response.arrayBuffer());
    const { error } = JSON.parse(bytes.subarray(5).toString()) as { error: unknown };
    return new Response(JSON.stringify(error), {
      headers: { "content-type": "application/json", "x-request-id": response.headers.get("x-request-id")! },
    });
  }
});

const invalid = 3;
const exhausted = 8;
const unimplemented = 12;
const cases: [what: string, path: string, body: Uint8Array, code: number, reason: string][] = [
  ["a frame cut short", sendEvent, frame(Buffer.from([10]), 0, 10), invalid, "MALFORMED_BODY"],
  ["a body that ends behind the head", sendEvent, frame(new Uint8Array(), 0, 10), invalid, "MALFORMED_BODY"],
  ["a head cut short", sendEvent, Buffer.from([0, 0]), invalid, "MALFORMED_BODY"],
  ["a message that does not parse", sendEvent, frame(Buffer.from([0xff])), invalid, "MALFORMED_BODY"],
  ["a broken rule", sendEvent, frame(new Uint8Array()), invalid, "INVALID_REQUEST"],
  ["no message", sendEvent, new Uint8Array(), unimplemented, "MALFORMED_BODY"],
  [
    "two messages",
    sendEvent,
    Buffer.concat([frame(new Uint8Array()), frame(new Uint8Array())]),
    unimplemented,
    "MALFORMED_BODY",
  ],
  [
    "a message that is too large",
    sendEvent,
    frame(new Uint8Array(maxBodyBytes + 1)),
    exhausted,
    "BODY_TOO_LARGE",
  ],
  [
    "a method that is not there",
    "/analytics.v1.ProducerService/Nope",
    frame(new Uint8Array()),
    unimplemented,
    "NO_SUCH_ROUTE",
  ],
  ["a service that is not there", "/a.B/C", frame(new Uint8Array()), unimplemented, "NO_SUCH_ROUTE"],
];

describe("over gRPC", () => {
  test.each(cases)("%s", async (_, path, body, code, reason) => {
    const answer = await http2Request(
      port.url,
      { ":path": path, "content-type": "application/grpc", te: "trailers" },
      body,
    );
    const status = { ...answer.headers, ...answer.trailers };
    expect([answer.status, status["grpc-status"]]).toEqual([200, String(code)]);
    expect(toldByStatus(status["grpc-status-details-bin"] as string)).toEqual({ code, reason });
  });

  test("a day that no calendar has, in JSON", async () => {
    const answer = await http2Request(
      port.url,
      { ":path": ingestEvent, "content-type": "application/grpc+json", te: "trailers" },
      frame(Buffer.from('{"event":{"timestamp":"2023-02-29T12:00:00Z"}}')),
    );
    expect(answer.trailers["grpc-status"]).toBe(String(invalid));
    expect(decodeURIComponent(String(answer.trailers["grpc-message"]))).toMatch(
      /event.timestamp: .* no calendar/,
    );
  });

  test("a packed message without saying how", async () => {
    const answer = await http2Request(
      port.url,
      { ":path": sendEvent, "content-type": "application/grpc", te: "trailers" },
      frame(gzipSync(""), 1),
    );
    expect(toldByStatus(answer.trailers["grpc-status-details-bin"] as string)).toEqual({
      code: invalid,
      reason: "MALFORMED_BODY",
    });
  });
});

describe("over gRPC-Web", () => {
  test.each(cases)("%s", async (_, path, body, code, reason) => {
    const response = await post(path, "application/grpc-web+proto", body);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect([response.status, bytes[0]]).toEqual([200, 0x80]);
    const trailers = new Headers(
      bytes
        .subarray(5)
        .toString()
        .trim()
        .split("\r\n")
        .map((line) => line.split(": ") as [string, string]),
    );
    expect(trailers.get("grpc-status")).toBe(String(code));
    expect(toldByStatus(trailers.get("grpc-status-details-bin") ?? undefined)).toEqual({ code, reason });
  });
});

describe("a target that is a whole URL", () => {
  const ask = (target: string, host: string, method = "GET") =>
    tcpExchange(
      port.addresses[0]!,
      `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    );

  test.each(["/health", "/v1/analytics/summary?filter=a", `${summary}?encoding=json&message={}`])(
    "is answered as %s",
    async (path) => {
      expect(await ask(`http://localhost${path}`, "localhost")).toMatch(/^HTTP\/1.1 200 /);
    },
  );

  test("without a path is the page at /", async () => {
    expect(await ask("http://localhost", "localhost")).toMatch(/^HTTP\/1.1 200 /);
  });

  test("names the host, and one host only", async () => {
    expect(await ask("http://evil.example/health", "localhost")).toMatch(/^HTTP\/1.1 400 /);
    expect(await ask("http://evil.example/health", "evil.example")).toMatch(/^HTTP\/1.1 403 /);
  });
});

describe("that is no HTTP", () => {
  test.each([
    ["nonsense", "nonsense\r\n\r\n", "400", "MALFORMED_BODY"],
    ["no host", "GET / HTTP/1.1\r\nconnection: close\r\n\r\n", "400", "INVALID_REQUEST"],
    [
      "two hosts",
      "GET / HTTP/1.1\r\nhost: localhost\r\nHost: localhost\r\nconnection: close\r\n\r\n",
      "400",
      "INVALID_REQUEST",
    ],
    ["a preface cut short", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "400", "MALFORMED_BODY"],
    [
      "headers that are too large",
      `GET / HTTP/1.1\r\nhost: localhost\r\na: ${"a".repeat(40_000)}\r\n\r\n`,
      "431",
      "HEADERS_TOO_LARGE",
    ],
  ])("%s, and log and metrics are told of it under the answer's id", async (_, bytes, status, reason) => {
    const text = await tcpExchange(port.addresses[0]!, bytes);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    const [head, body] = text.split("\r\n\r\n") as [string, string];
    expect(head).toMatch(/^content-type: application\/json$/m);
    expect(JSON.parse(body)).toMatchObject({ details: [{ reason }] });
    const requestId = /^x-request-id: ([\w-]{36})$/m.exec(head)?.[1];
    const logged = port.seen.logged.map(({ fields }) => fields);
    expect(logged).toContainEqual(expect.objectContaining({ requestId, reason }));
    const told = { requestId, protocol: "page", method: "none", code: "INVALID_ARGUMENT", reason };
    expect(port.seen.records).toContainEqual(expect.objectContaining(told));
  });

  test("two hosts are told as such, and what is expected beyond that is passed over", async () => {
    const ask = (lines: string) =>
      tcpExchange(
        port.addresses[0]!,
        `GET /health HTTP/1.1\r\nhost: localhost\r\n${lines}\r\nconnection: close\r\n\r\n`,
      );
    expect(await ask("host: other")).toContain('must name one host, not \\"localhost, other\\"');
    const answer = await ask("expect: the-best");
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer).toMatch(/^x-request-id: /m);
    const path = { ":method": "GET", ":path": "/health" };
    expect((await http2Request(port.url, { ...path, expect: "the-best" })).status).toBe(200);
    expect((await http2Request(port.url, { ...path, ":authority": "localhost", host: "::1" })).status).toBe(
      400,
    );
  });
});
