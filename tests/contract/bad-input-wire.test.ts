/** Requests that are broken before there is a message: in their bytes, their headers, their path. */
import { gzipSync } from "node:zlib";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import type { RawRequest } from "../support/http.ts";
import { type Refusal, testRefusals, wellFormed } from "../support/refusals.ts";
import { connectJson, rest, type Wire } from "../support/wires.ts";

const { ingestEvent } = EventIngestionService.method;
const { getAnalyticsSummary, getTimeSeries } = AnalyticsService.method;
const event = { id: "e-1", userId: "u-1", name: "click" };

const maxBodyBytes = 8 * 1024 * 1024;
const tooLarge = Buffer.alloc(maxBodyBytes + 1, " ");
/** 64 KiB that become 64 MiB. */
const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, " "));

type Break = (request: RawRequest, wire: Wire) => RawRequest | undefined;

/** A good request to send one event, broken. */
function broken(what: string, breaking: Break, told: Omit<Refusal, "what" | "request">): Refusal {
  return { what, request: (wire) => breaking(wellFormed(wire, ingestEvent, { event })!, wire), ...told };
}

const withHeader =
  (name: string, value: string): Break =>
  (request) => ({ ...request, headers: { ...request.headers, [name]: value } });

const jsonOnly =
  (json: string): Break =>
  (request, wire) =>
    wire.json ? wire.withMessage(request, Buffer.from(json)) : undefined;

const binaryOnly =
  (...bytes: number[]): Break =>
  (request, wire) =>
    wire.json ? undefined : wire.withMessage(request, Buffer.from(bytes));

const framedOnly =
  (...bytes: number[]): Break =>
  (request, wire) =>
    wire.framed ? wire.withBody(request, Buffer.from(bytes)) : undefined;

const inBrotli: Break = (request, wire) => {
  const { headers, ...packed } = wire.withGzip(request, Buffer.from("{}"));
  const named = Object.entries(headers).map(([name, value]) => [name, value === "gzip" ? "br" : value]);
  return { ...packed, headers: Object.fromEntries(named) };
};

const malformed = { code: "InvalidArgument", reason: "MALFORMED_BODY" };
const invalid = { code: "InvalidArgument", reason: "INVALID_REQUEST" };
const unsupported = { reason: "UNSUPPORTED_MEDIA_TYPE", message: /br.* gzip/ };
const large = {
  code: "ResourceExhausted",
  reason: "BODY_TOO_LARGE",
  message: /than (the limit of )?8388608 bytes/,
  status: ({ protocol }: Wire) => (protocol === "rest" ? 413 : protocol === "connect" ? 429 : undefined),
};

testRefusals([
  broken("JSON that breaks off", jsonOnly('{"event":'), malformed),
  broken("text that is no JSON", jsonOnly("id=e-1&user_id=u-1"), malformed),
  broken("an unknown field", jsonOnly('{"event":{"id":"e-1","user_idd":"u-1"}}'), {
    ...invalid,
    message: /^event\.user_idd: is unknown$/,
    violations: [["event.user_idd", "json.unknown_field"]],
  }),
  broken("two unknown fields", jsonOnly('{"evnt":{},"options":{"durable":true}}'), {
    ...invalid,
    message: /^evnt: is unknown \(and 1 more\)$/,
    violations: [
      ["evnt", "json.unknown_field"],
      ["options.durable", "json.unknown_field"],
    ],
  }),
  broken("an enum that is none", jsonOnly('{"event":{"user_id":"u-1","event_type":"user"}}'), {
    ...invalid,
    message: /^event\.event_type: "user" is none of .*EVENT_TYPE_USER/,
    violations: [["event.event_type", "json.value"]],
  }),
  broken("a timestamp that is none", jsonOnly('{"event":{"user_id":"u-1","timestamp":1640995200}}'), {
    ...invalid,
    message: /^event\.timestamp: 1640995200 is no time such as 2024-01-01T12:00:00Z$/,
    violations: [["event.timestamp", "json.value"]],
  }),
  broken(
    "values of the wrong type",
    jsonOnly('{"event":{"user_id":5,"properties":{"n":5},"measures":{"m":"x"}}}'),
    {
      ...invalid,
      violations: [
        ["event.user_id", "json.value"],
        ['event.properties["n"]', "json.value"],
        ['event.measures["m"]', "json.value"],
      ],
    },
  ),
  broken("protobuf that breaks off", binaryOnly(0x0a, 0x05, 0x01), malformed),
  broken("an event whose protobuf breaks off", binaryOnly(0x0a, 0x02, 0x0a, 0x09), {
    code: "InvalidArgument",
    reason: "INVALID_EVENT",
    violations: [["event", "parse"]],
  }),
  broken("a message that breaks off", framedOnly(0, 0, 0, 0, 50, 1, 2, 3), malformed),
  broken("a message's head that breaks off", framedOnly(0, 0, 0), malformed),
  broken("no message", framedOnly(), { code: "Unimplemented", reason: "MALFORMED_BODY", message: /missing/ }),
  broken(
    "base64 that is none",
    (request, { name }) => (name.includes("base64") ? { ...request, body: Buffer.from("####") } : undefined),
    malformed,
  ),
  broken("a body of 8 MiB and a byte", (request, wire) => wire.withMessage(request, tooLarge), large),
  broken("a body of 64 MiB in 64 KiB of gzip", (request, wire) => wire.withGzip(request, bomb), large),
  broken("a body that is no gzip", (request, wire) => wire.withGzip(request, Buffer.from("none")), malformed),
  broken(
    "gzip that breaks off",
    (request, wire) => wire.withGzip(request, gzipSync(tooLarge).subarray(0, 1000)),
    malformed,
  ),
  broken(
    "an encoding other than gzip",
    (request, wire) => (wire === rest ? undefined : inBrotli(request, wire)),
    {
      ...unsupported,
      code: "Unimplemented",
    },
  ),
  broken(
    "a content encoding other than gzip",
    (request, wire) => (wire === rest ? inBrotli(request, wire) : undefined),
    {
      ...unsupported,
      code: "InvalidArgument",
      status: () => 415,
    },
  ),
  broken("a content type that is none", withHeader("content-type", "application/xml"), {
    code: "InvalidArgument",
    reason: "UNSUPPORTED_MEDIA_TYPE",
    message: /application\/xml .*application\/json/,
    status: () => 415,
    // It is the content type that would say what protocol this is.
    answeredAs: (wire) => (wire === rest ? rest : connectJson),
  }),
  broken("another HTTP method", (request) => ({ ...request, verb: "PUT" }), {
    code: "Unimplemented",
    reason: "METHOD_NOT_ALLOWED",
    message: /PUT.*POST/,
    status: ({ framed }) => (framed ? undefined : 405),
  }),
  broken(
    "a method that is not there",
    (request, wire) => (wire === rest ? undefined : { ...request, path: `${request.path}x` }),
    {
      code: "Unimplemented",
      reason: "NO_SUCH_ROUTE",
      message: /IngestEventx/,
      status: ({ framed }) => (framed ? undefined : 404),
    },
  ),
  broken(
    "a path that is not there",
    (request, wire) => (wire === rest ? { ...request, path: "/v2/events" } : undefined),
    {
      code: "NotFound",
      reason: "NO_SUCH_ROUTE",
      message: /\/v2\/events/,
    },
  ),
  broken("a foreign host", withHeader("host", "evil.example"), {
    code: "PermissionDenied",
    reason: "FOREIGN_HOST",
    message: /evil\.example/,
  }),
  broken("a foreign origin", withHeader("origin", "https://evil.example"), {
    code: "PermissionDenied",
    reason: "FOREIGN_ORIGIN",
    message: /evil\.example/,
  }),
  broken("the origin null", withHeader("origin", "null"), {
    code: "PermissionDenied",
    reason: "FOREIGN_ORIGIN",
  }),
  broken("a grpc-timeout that is none", withHeader("grpc-timeout", "soon"), {
    ...invalid,
    message: /soon/,
    violations: [["grpc-timeout", "header"]],
  }),
  broken("a connect-timeout-ms that is none", withHeader("connect-timeout-ms", "-5"), {
    ...invalid,
    message: /-5/,
    violations: [["connect-timeout-ms", "header"]],
  }),
  {
    what: "an unknown query parameter",
    request: (wire) => {
      if (wire === rest)
        return { ...wellFormed(wire, getAnalyticsSummary, {})!, path: "/analytics/summary?form=json" };
      if (wire.protocol !== "connect") return undefined;
      const { path, ...request } = wellFormed(wire, getAnalyticsSummary, {})!;
      const query = `connect=v1&encoding=json&message=${encodeURIComponent("{}")}&form=json`;
      return { ...request, verb: "GET", body: undefined, path: `${path}?${query}` };
    },
    ...invalid,
    message: /^form: is unknown$/,
    violations: [["form", "query"]],
  },
  {
    what: "query parameters that do not parse",
    request: (wire) =>
      wire === rest
        ? {
            ...wellFormed(wire, getTimeSeries, {})!,
            path: "/v1/analytics/timeseries?granularity=day&time_range.start=yesterday&limit=x",
          }
        : undefined,
    ...invalid,
    message: /^granularity: "day" is none of .*GRANULARITY_DAY/,
    violations: [
      ["granularity", "json.value"],
      ["time_range.start", "json.value"],
      ["limit", "json.value"],
    ],
  },
]);
