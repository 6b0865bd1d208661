/** Requests that arrive whole, and say what cannot be. */
import { create, type DescMethod, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { type Refusal, testRefusals, wellFormed } from "../support/refusals.ts";
import { rest } from "../support/wires.ts";

const { ingestEvent, ingestEvents } = EventIngestionService.method;
const { sendEvent, sendBatchEvents } = ProducerService.method;
const { getAnalyticsSummary, getTimeSeries, getBreakdown, getUserAnalytics, listEvents } =
  AnalyticsService.method;

const invalid = (
  reason: string,
  what: string,
  method: DescMethod,
  init: Record<string, unknown>,
  violations: Refusal["violations"],
  message?: RegExp,
): Refusal => ({
  what,
  request: (wire) => wellFormed(wire, method, init),
  code: "InvalidArgument",
  reason,
  ...(violations ? { violations } : {}),
  ...(message ? { message } : {}),
});

const good = { id: "e-1", userId: "u-1", name: "click" };
const hour = 3_600_000;

/** An event whose protobuf has that many bytes: in values of the greatest length, and one that makes up the rest. */
function eventOfBytes(bytes: number) {
  const properties: Record<string, string> = { rest: "r".repeat(1000) };
  for (let i = 0; i < 7; i++) properties[`k${i}`] = "v".repeat(8192);
  const size = toBinary(EventSchema, create(EventSchema, { ...good, properties })).length;
  properties.rest += "r".repeat(bytes - size);
  return { ...good, properties };
}

const event = (what: string, fields: object, field: string, rule: string, message?: RegExp): Refusal =>
  invalid(
    "INVALID_EVENT",
    what,
    ingestEvent,
    { event: { ...good, ...fields } },
    [[field === "" ? "event" : `event.${field}`, rule]],
    message,
  );

const request = (
  what: string,
  method: DescMethod,
  init: Record<string, unknown>,
  field: string,
  rule: string,
  message?: RegExp,
): Refusal => invalid("INVALID_REQUEST", what, method, init, [[field, rule]], message);

testRefusals([
  invalid("INVALID_EVENT", "no event", ingestEvent, {}, [["event", "required"]], /^event: is required/),
  event("no user", { userId: "" }, "user_id", "string.min_len"),
  event("a user that is the word undefined", { userId: "Undefined" }, "user_id", "user_id.broken_identity"),
  event("a user_id that is too long", { userId: "ü".repeat(257) }, "user_id", "string.max_len", /256/),
  event("an id that is too long", { id: "i".repeat(129) }, "id", "string.max_len", /128/),
  event("an id with a control character", { id: "a\nb" }, "id", "string.pattern"),
  event("a name that is too long", { name: "n".repeat(129) }, "name", "string.max_len"),
  event(
    "a property key that is too long",
    { properties: { ["k".repeat(129)]: "v" } },
    `properties["${"k".repeat(129)}"]`,
    "string.max_len",
  ),
  event(
    "a value that is too long",
    { properties: { a: "v".repeat(8193) } },
    'properties["a"]',
    "string.max_bytes",
    /8192/,
  ),
  event(
    "an event of 64 KiB and a byte",
    eventOfBytes(64 * 1024 + 1),
    "",
    "event.max_bytes",
    /at most 65536 bytes, is 65537/,
  ),
  event("an enum that is none", { eventType: 99 }, "event_type", "enum.defined_only"),
  event(
    "a timestamp in the future",
    { timestamp: timestampFromMs(Date.now() + 2 * hour) },
    "timestamp",
    "timestamp.future",
    /60 minutes/,
  ),
  event("a timestamp before 1970", { timestamp: timestampFromMs(-1000) }, "timestamp", "timestamp.gte"),
  event(
    "a measure that is not finite",
    { measures: { a: Number.POSITIVE_INFINITY } },
    'measures["a"]',
    "double.finite",
  ),
  event("a measure that is no number", { measures: { a: Number.NaN } }, 'measures["a"]', "double.finite"),
  event(
    "an amount below 0",
    { payload: { case: "transactionEvent", value: { amount: -1 } } },
    "transaction_event.amount",
    "double.gte",
  ),
  invalid(
    "INVALID_EVENT",
    "milliseconds in a flat event",
    sendEvent,
    { event: { userId: "u", eventType: "click", timestamp: 1640995200000 } },
    [["event.timestamp", "timestamp.seconds"]],
    /milliseconds.*1640995200\b/,
  ),
  request("no flat event", sendEvent, {}, "event", "required"),
  request("an empty batch", ingestEvents, { events: [] }, "events", "repeated.min_items"),
  request("an empty flat batch", sendBatchEvents, { events: [] }, "events", "repeated.min_items"),
  request(
    "1,001 events",
    ingestEvents,
    { events: Array(1001).fill(good) },
    "events",
    "repeated.max_items",
    /1000/,
  ),
  request(
    "1,001 flat events",
    sendBatchEvents,
    { events: Array(1001).fill({ userId: "u" }) },
    "events",
    "repeated.max_items",
  ),
  request(
    "a durability that is none",
    ingestEvent,
    { event: good, options: { durability: 99 } },
    "options.durability",
    "enum.defined_only",
  ),
  request(
    "a timeout below 0",
    ingestEvent,
    { event: good, options: { timeout: { seconds: -1n } } },
    "options.timeout",
    "duration.gte_lte",
  ),
  request(
    "a time range that ends before it starts",
    getAnalyticsSummary,
    { timeRange: { start: timestampFromMs(hour), end: timestampFromMs(0) } },
    "time_range",
    "time_range.order",
  ),
  {
    ...request("a question about no user", getUserAnalytics, {}, "user_id", "string.min_len"),
    // Over REST the user is a step of the path, which cannot be left out.
    request: (wire) => (wire === rest ? undefined : wellFormed(wire, getUserAnalytics, {})),
  },
  request("a page below 0", listEvents, { pageSize: -1 }, "page_size", "int32.gte"),
  request("a limit above 1,000", getBreakdown, { dimension: "name", limit: 1001 }, "limit", "int32.gte_lte"),
  request(
    "a metric that is none",
    getBreakdown,
    { dimension: "name", metric: "nope" },
    "metric",
    "string.pattern",
    /unique_users/,
  ),
  request(
    "a time zone that is none",
    getTimeSeries,
    { timeZone: "Europe/Atlantis" },
    "time_zone",
    "invalid",
    /Europe\/Berlin/,
  ),
  request(
    "a series of more than 10,000 buckets",
    getTimeSeries,
    {
      granularity: Granularity.MINUTE,
      timeRange: { start: timestampFromMs(0), end: timestampFromMs(30 * 24 * hour) },
    },
    "granularity",
    "buckets.max",
    /10000/,
  ),
  invalid(
    "INVALID_FILTER",
    "a broken filter",
    getAnalyticsSummary,
    { filter: "name ==" },
    [["filter", "filter.invalid"]],
    /^filter: 1:6: /,
  ),
  invalid(
    "INVALID_FILTER",
    "a filter on a field that is none",
    listEvents,
    { filter: 'nam == "a"' },
    [["filter", "filter.invalid"]],
    /user_id/,
  ),
  invalid(
    "INVALID_TOKEN",
    "a visibility token that is none",
    getAnalyticsSummary,
    { minVisibility: ["nope"] },
    [["min_visibility", "token"]],
  ),
  invalid("INVALID_TOKEN", "a page token that is none", listEvents, { pageToken: "nope" }, [
    ["page_token", "token"],
  ]),
  {
    what: "a user who is not there",
    request: (wire) => wellFormed(wire, getUserAnalytics, { userId: "nobody" }),
    code: "NotFound",
    reason: "NOT_FOUND",
    message: /nobody/,
  },
  {
    what: "a method that a later version answers",
    request: (wire) => wellFormed(wire, AdminService.method.getTrackingPlan, {}),
    code: "Unimplemented",
    reason: "NOT_YET_BUILT",
    message: /AdminService\/GetTrackingPlan/,
  },
]);
