/** Retention: which users of each cohort come back, and when. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import {
  type RetentionCellSchema,
  RetentionCohortEntry,
  RetentionCounting,
  RetentionPeriod,
  RetentionReturn,
} from "../../gen/analytics/v1/analytics_retention_pb.js";
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { timestampOf } from "../domain/record/flatten.ts";
import type { RetentionAnswer, RetentionTerms } from "../store/questions.ts";
import { bucketsOf, checkCells, isPartial, unitsFrom } from "./buckets.ts";
import { matchOf } from "./match.ts";
import { closedRange } from "./range.ts";
import { select } from "./selection.ts";
import type { QueryOptions } from "./service.ts";
import { parseZone } from "./terms.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "getRetention">;
type Cell = MessageInitShape<typeof RetentionCellSchema>;
type Cohort = RetentionAnswer["cohorts"][number];

const defaultPeriods = 8;
const anyEvent = { name: "" };

const units: Record<RetentionPeriod, { granularity: Granularity; rollingUs: number }> = {
  [RetentionPeriod.UNSPECIFIED]: { granularity: Granularity.DAY, rollingUs: 24 * 3600e6 },
  [RetentionPeriod.DAY]: { granularity: Granularity.DAY, rollingUs: 24 * 3600e6 },
  [RetentionPeriod.WEEK]: { granularity: Granularity.WEEK, rollingUs: 168 * 3600e6 },
  // The contract refuses rolling months.
  [RetentionPeriod.MONTH]: { granularity: Granularity.MONTH, rollingUs: 0 },
};

export function retentionMethods({
  store,
  visibility,
  now,
}: Pick<QueryOptions, "store" | "visibility" | "now">): Methods {
  return {
    async getRetention(request, call) {
      const zone = parseZone(request.timeZone);
      const start = request.startEvent ? matchOf(request.startEvent, "start_event") : anyEvent;
      const returns = request.returnEvent ? matchOf(request.returnEvent, "return_event") : anyEvent;
      const periods = request.periods || defaultPeriods;
      const { granularity, rollingUs } = units[request.period];
      const asked = await select(request, call, visibility);
      const selection = await closedRange(store, asked, call);
      const buckets = bucketsOf(granularity, zone, selection.startUs, selection.endUs, "period");
      const cohorts = buckets.starts.length;
      if (cohorts === 0) return {};
      checkCells("periods", [cohorts, "cohorts"], [periods + 1, "cells each"]);
      const rolling = request.counting === RetentionCounting.ROLLING;
      const terms: RetentionTerms = {
        selection,
        start,
        returns,
        cohorts,
        periodStarts: [...buckets.starts, ...unitsFrom(granularity, zone, buckets.endUs, periods)],
        periods,
        counting: rolling ? { kind: "rolling", unitUs: rollingUs } : { kind: "calendar" },
        returnRule: request.returnRule === RetentionReturn.ON_OR_AFTER ? "on_or_after" : "on",
      };
      const answer =
        request.cohortEntry === RetentionCohortEntry.RECURRING
          ? await store.trace({ kind: "recurring_retention", ...terms }, call)
          : await store.ask({ kind: "first_ever_retention", ...terms }, call);
      const nowUs = now() * 1000;
      return {
        cohorts: answer.cohorts.map((cohort, i) => ({
          start: timestampOf(buckets.starts[i]!),
          partial: isPartial(buckets, i, asked),
          size: BigInt(cohort.size),
          cells: cohort.retained.map(
            (retained, cell): Cell => ({
              period: cell,
              retained: BigInt(retained),
              ...(cohort.size === 0 ? {} : { rate: retained / cohort.size }),
              incomplete: nowUs < endOfCell(terms, cohort, i, cell),
            }),
          ),
        })),
      };
    },
  };
}

/** Until when a cell's figure may grow. */
function endOfCell(
  { counting, periodStarts }: RetentionTerms,
  cohort: Cohort,
  at: number,
  cell: number,
): number {
  if (counting.kind === "calendar") return periodStarts[at + cell + 1]!;
  // Nobody's periods run in an empty cohort, which stays as it is once its own period has ended.
  if (cohort.lastStartUs === undefined) return periodStarts[at + 1]!;
  return cohort.lastStartUs + (cell + 1) * counting.unitUs;
}
