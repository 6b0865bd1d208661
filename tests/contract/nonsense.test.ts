/** Questions that parse, but ask what makes no sense: each is refused, and names the field. */
import type { DescMethod } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import { type Refusal, testRefusals, wellFormed } from "../support/refusals.ts";

const {
  getAnalyticsSummary,
  getTimeSeries,
  getBreakdown,
  getFunnelAnalysis,
  getRetention,
  getPaths,
  getUserAnalytics,
  listDimensions,
} = AnalyticsService.method;

type Init = Record<string, unknown>;

const refused = (
  what: string,
  method: DescMethod,
  init: Init,
  field: string,
  rule: string,
  message?: RegExp,
): Refusal => ({
  what,
  request: (wire) => wellFormed(wire, method, init),
  code: "InvalidArgument",
  reason: rule === "filter.invalid" ? "INVALID_FILTER" : "INVALID_REQUEST",
  violations: [[field, rule]],
  ...(message ? { message } : {}),
});

const series = (what: string, init: Init, field: string, rule: string, message?: RegExp) =>
  refused(`a series ${what}`, getTimeSeries, init, field, rule, message);
const breakdown = (what: string, init: Init, field: string, rule: string, message?: RegExp) =>
  refused(`a breakdown ${what}`, getBreakdown, { dimension: "name", ...init }, field, rule, message);

const minuteMs = 60_000;
const rangeOf = (minutes: number) => ({
  start: timestampFromMs(0),
  end: timestampFromMs(minutes * minuteMs),
});
const seconds = (n: number) => ({ seconds: BigInt(n), nanos: 0 });
const minutes = { granularity: Granularity.MINUTE };

testRefusals([
  series(
    "of 10,001 buckets",
    { ...minutes, timeRange: rangeOf(10_001) },
    "granularity",
    "buckets.max",
    /10001 buckets/,
  ),
  series(
    "of days in ten thousand years",
    {
      timeRange: {
        start: { seconds: -62_135_596_800n, nanos: 0 },
        end: { seconds: 253_402_300_799n, nanos: 0 },
      },
    },
    "granularity",
    "buckets.max",
  ),
  series(
    "of 100,010 cells",
    { ...minutes, timeRange: rangeOf(10_000), groupBy: ["name"], limit: 11 },
    "limit",
    "cells.max",
    /10000 buckets times 11 groups/,
  ),
  series("in a zone that is none", { timeZone: "Mars/Olympus" }, "time_zone", "invalid", /Mars\/Olympus/),
  series("in an offset", { timeZone: "+01:00" }, "time_zone", "string.pattern"),
  series("by a granularity that is none", { granularity: 99 }, "granularity", "enum.defined_only"),
  series("of more than 1,000 groups", { groupBy: ["name"], limit: 1001 }, "limit", "int32.gte_lte"),
  series("of fewer than no groups", { groupBy: ["name"], limit: -1 }, "limit", "int32.gte_lte"),
  series("by three dimensions", { groupBy: ["a", "b", "c"] }, "group_by", "repeated.max_items"),
  series("by one dimension twice", { groupBy: ["plan", "plan"] }, "group_by", "repeated.unique"),
  series(
    "by one dimension under two names",
    { groupBy: ["plan", "properties.plan"] },
    "group_by[1]",
    "invalid",
    /group_by\[0\]/,
  ),
  series("by no dimension", { groupBy: [""] }, "group_by[0]", "string.min_len"),
  series("by times", { groupBy: ["name", "timestamp"] }, "group_by[1]", "invalid", /cannot be grouped by/),
  series("of a metric that is none", { metric: "median(amount)" }, "metric", "string.pattern"),
  series("of a quantile of nothing", { metric: "p95()" }, "metric", "string.pattern"),
  series(
    "of a property as a number",
    { metric: "sum(properties.price)" },
    "metric",
    "invalid",
    /only measures/,
  ),
  series("of a quantile of blanks", { metric: "p95( )" }, "metric", "invalid", /names no measure/),
  series(
    "of sessions of nothing",
    { metric: "sessions", sessionGap: seconds(0) },
    "session_gap",
    "duration.gte_lte",
  ),
  series(
    "of sessions with a gap of more than a day",
    { metric: "sessions", sessionGap: seconds(86_401) },
    "session_gap",
    "duration.gte_lte",
  ),
  series(
    "that ends before it starts",
    { timeRange: { start: timestampFromMs(1), end: timestampFromMs(0) } },
    "time_range",
    "time_range.order",
  ),
  series("of a field that is none", { filter: 'plan == "pro"' }, "filter", "filter.invalid"),
  series("of a type that is none", { filter: 'event_type == "USER"' }, "filter", "filter.invalid", /"user"/),
  series("of text as a number", { filter: 'measures.amount > "10"' }, "filter", "filter.invalid"),
  series("of a number as a truth", { filter: "measures.amount" }, "filter", "filter.invalid"),
  series("with 10 KiB of parentheses", { filter: "(".repeat(10_240) }, "filter", "filter.invalid"),
  series("with more than 10 KiB of filter", { filter: "(".repeat(10_241) }, "filter", "string.max_bytes"),

  breakdown("of a sum of nothing", { metric: "sum()" }, "metric", "string.pattern"),
  breakdown(
    "of a sum of a bare prefix",
    { metric: "sum(measures.)" },
    "metric",
    "invalid",
    /names no measure/,
  ),
  breakdown("of a measure by itself", { metric: "amount" }, "metric", "string.pattern"),
  breakdown("by nothing", { dimension: "" }, "dimension", "string.min_len"),
  breakdown("by a property without a key", { dimension: "properties." }, "dimension", "invalid"),
  breakdown("by ids", { dimension: "id" }, "dimension", "invalid", /cannot be grouped by/),
  breakdown("by all measures", { dimension: "measures" }, "dimension", "invalid"),
  breakdown("by a measure", { dimension: "measures.amount" }, "dimension", "invalid", /properties\.amount/),
  series("by a measure", { groupBy: ["measures.amount"] }, "group_by[0]", "invalid", /properties\.amount/),
  refused(
    "a funnel by a measure",
    getFunnelAnalysis,
    { steps: [{ name: "a" }, { name: "b" }], breakdown: "measures.amount" },
    "breakdown",
    "invalid",
    /properties\.amount/,
  ),
  breakdown("of more than 1,000 values", { limit: 1001 }, "limit", "int32.gte_lte"),
  breakdown(
    "with a gap of less than a second",
    { sessionGap: { seconds: 0n, nanos: 999_999_999 } },
    "session_gap",
    "duration.gte_lte",
  ),

  refused(
    "a summary of more than 1,000 names",
    getAnalyticsSummary,
    { limit: 1001 },
    "limit",
    "int32.gte_lte",
  ),
  refused(
    "a summary with no gap",
    getAnalyticsSummary,
    { sessionGap: seconds(0) },
    "session_gap",
    "duration.gte_lte",
  ),
  refused("more than 1,000 dimensions", listDimensions, { limit: 1001 }, "limit", "int32.gte_lte"),
  refused(
    "more than 1,000 sessions of a user",
    getUserAnalytics,
    { userId: "u", limit: 1001 },
    "limit",
    "int32.gte_lte",
  ),
  refused(
    "a user in a zone that is none",
    getUserAnalytics,
    { userId: "u", timeZone: "Nowhere" },
    "time_zone",
    "invalid",
  ),
  refused(
    "a user of 257 characters",
    getUserAnalytics,
    { userId: "u".repeat(257) },
    "user_id",
    "string.max_len",
  ),
  refused("retention of 61 periods", getRetention, { periods: 61 }, "periods", "int32.gte_lte"),
  refused(
    "retention of ten thousand years",
    getRetention,
    {
      timeRange: {
        start: { seconds: -62_135_596_800n, nanos: 0 },
        end: { seconds: 253_402_300_799n, nanos: 0 },
      },
    },
    "period",
    "buckets.max",
  ),
  refused(
    "retention of too many cells",
    getRetention,
    { timeRange: rangeOf(9000 * 1440), periods: 60 },
    "periods",
    "cells.max",
    /9000 cohorts times 61 cells each/,
  ),
  refused(
    "rolling retention of months",
    getRetention,
    { counting: 2, period: 3 },
    "counting",
    "retention.rolling_months",
  ),
  refused("retention in no zone", getRetention, { timeZone: "Mars/Base" }, "time_zone", "invalid"),
  refused(
    "retention with a broken start",
    getRetention,
    { startEvent: { filter: "nam == 1" } },
    "start_event.filter",
    "filter.invalid",
  ),
  refused("paths of depth 11", getPaths, { depth: 11 }, "depth", "int32.gte_lte"),
  refused("paths of 1,001 names", getPaths, { limit: 1001 }, "limit", "int32.gte_lte"),
  refused(
    "paths with a broken anchor",
    getPaths,
    { anchor: { filter: "name ==" } },
    "anchor.filter",
    "filter.invalid",
  ),
  refused(
    "paths of a gap of a year",
    getPaths,
    { sessionGap: seconds(366 * 86_400) },
    "session_gap",
    "duration.gte_lte",
  ),
]);
