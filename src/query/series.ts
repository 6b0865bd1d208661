/** Time series and breakdowns: a metric over time, or by the values of a dimension. */
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { invalidField } from "../domain/errors.ts";
import { timestampOf } from "../domain/record/flatten.ts";
import type { Metric, Selection, SeriesGroup } from "../store/questions.ts";
import type { AskOptions } from "../store/store.ts";
import { type Buckets, bucketsOf } from "./buckets.ts";
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

/** Most buckets times groups of one answer. */
const maxCells = 100_000;

export function seriesMethods({ store, visibility }: Pick<QueryOptions, "store" | "visibility">): Methods {
  /** The range with both ends: an open one reaches from the first to the last event. */
  async function closedRange(
    selection: Selection,
    options: AskOptions,
  ): Promise<[startUs: number, endUs: number]> {
    if (selection.startUs !== undefined && selection.endUs !== undefined) {
      return [selection.startUs, selection.endUs];
    }
    const { firstEventUs, lastEventUs } = await store.ask({ kind: "bounds", selection }, options);
    if (firstEventUs === undefined || lastEventUs === undefined) return [0, 0];
    return [selection.startUs ?? firstEventUs, selection.endUs ?? lastEventUs + 1];
  }

  return {
    async getTimeSeries(request, call) {
      const zone = parseZone(request.timeZone);
      const metric = parseMetric(request.metric, sessionGapUs(request.sessionGap));
      const groupBy = parseDimensions(request.groupBy);
      const granularity = request.granularity || Granularity.DAY;
      const groupLimit = groupBy.length === 0 ? 1 : limitOf(request.limit);
      const selection = await select(request, call, visibility);
      const [startUs, endUs] = await closedRange(selection, call);
      const buckets = bucketsOf(granularity, zone, startUs, endUs);
      if (buckets.starts.length * groupLimit > maxCells) {
        const cells = `${buckets.starts.length} buckets times ${groupLimit} groups`;
        throw invalidField("limit", `${cells} are more than ${maxCells} cells`, "cells.max");
      }
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
      const shared = hasShares(metric) && total > 0;
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

/** Whether the asked range cuts the bucket; an open end cuts none. */
function isPartial({ starts, endUs }: Buckets, i: number, selection: Selection): boolean {
  const cutAtStart = selection.startUs !== undefined && starts[i]! < selection.startUs;
  return cutAtStart || (selection.endUs !== undefined && (starts[i + 1] ?? endUs) > selection.endUs);
}
