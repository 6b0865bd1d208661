/** Time series and breakdowns: a metric over time, or by the values of a dimension. */
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { timestampOf } from "../domain/record/flatten.ts";
import type { Metric, SeriesGroup } from "../store/questions.ts";
import { bucketsOf, checkCells, isPartial } from "./buckets.ts";
import { closedRange } from "./range.ts";
import { select } from "./selection.ts";
import type { QueryOptions } from "./service.ts";
import {
  limitOf,
  metricText,
  parseDimension,
  parseDimensions,
  parseMetric,
  parseZone,
  sessionGapUs,
} from "./terms.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "getTimeSeries" | "getBreakdown">;

export function seriesMethods({ store, visibility }: Pick<QueryOptions, "store" | "visibility">): Methods {
  return {
    async getTimeSeries(request, call) {
      const zone = parseZone(request.timeZone);
      const metric = parseMetric(request.metric, sessionGapUs(request.sessionGap));
      const groupBy = parseDimensions(request.groupBy);
      const granularity = request.granularity || Granularity.DAY;
      const groupLimit = groupBy.length === 0 ? 1 : limitOf(request.limit);
      const selection = await select(request, call, visibility);
      const { startUs, endUs } = await closedRange(store, selection, call);
      const buckets = bucketsOf(granularity, zone, startUs, endUs);
      checkCells("limit", [buckets.starts.length, "buckets"], [groupLimit, "groups"]);
      const answer = await store.ask(
        {
          kind: "series",
          selection,
          metric,
          starts: buckets.starts,
          endUs: buckets.endUs,
          groupBy,
          groupLimit,
        },
        call,
      );
      const group = (g: SeriesGroup) => ({
        dimensionValues: [...g.values],
        ...(Number.isNaN(g.total) ? {} : { total: g.total }),
        buckets: buckets.starts.map((start, i) => ({
          start: timestampOf(start),
          partial: isPartial(buckets, i, selection),
          ...present(g.buckets[i]!),
        })),
      });
      return {
        metric: metricText(metric),
        granularity,
        timeZone: zone.name,
        groups: answer.groups.map(group),
        ...(answer.other ? { other: group(answer.other) } : {}),
      };
    },
    async getBreakdown(request, call) {
      const metric = parseMetric(request.metric, sessionGapUs(request.sessionGap));
      const dimension = parseDimension(request.dimension, "dimension");
      const selection = await select(request, call, visibility);
      const limit = limitOf(request.limit);
      const answer = await store.ask({ kind: "breakdown", selection, metric, dimension, limit }, call);
      const { total } = answer;
      const shared = hasShares(metric) && total > 0 && Number.isFinite(total);
      const row = (value: number) => ({ ...present(value), ...(shared ? { share: value / total } : {}) });
      return {
        metric: metricText(metric),
        dimension: request.dimension,
        rows: answer.rows.map(({ value, metric: of }) => ({ dimensionValue: value, ...row(of) })),
        ...(answer.other === undefined ? {} : { other: row(answer.other) }),
        ...(Number.isNaN(total) ? {} : { total }),
      };
    },
  };
}

/** Absent where the metric has nothing to go by. */
function present(value: number): { value?: number } {
  return Number.isNaN(value) ? {} : { value };
}

/** Whether a group's value can be a part of the whole. */
function hasShares({ kind }: Metric): boolean {
  return kind === "events" || kind === "unique_users" || kind === "sessions" || kind === "sum";
}
