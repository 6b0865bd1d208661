import type { Dimension, Metric, Selection } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, join, sql, trusted } from "./fragment.ts";
import { dimensionText, metricAggregate, metricInput } from "./metric.ts";
import { fromSelected } from "./selection.ts";

export interface GroupedEvents {
  readonly selection: Selection;
  readonly metric: Metric;
  /** At least one. */
  readonly groupBy: readonly Dimension[];
  /** How many groups have a rank. */
  readonly limit: number;
}

/** Columns that hold a group's values: g0, g1. */
export function groupColumns(groupBy: readonly Dimension[]): Fragment[] {
  return groupBy.map((_, index) => trusted(`g${index}`));
}

/**
 * A subquery of the selected events: the metric's input `m`, the bucket `b`, and of their group its rank `r` (from 1;
 * NULL beyond the limit) and its values (NULL without a rank). Groups rank by the metric over the whole range, equal
 * ones by the bytes of their values.
 *
 * @param bucket what `b` holds
 */
export function rankedEvents(engine: SqlEngine, grouped: GroupedEvents, bucket: Fragment): Fragment {
  const { selection, metric, groupBy, limit } = grouped;
  const columns = groupColumns(groupBy);
  const names = join(columns, ", ");
  const values = groupBy.map((dimension, i) => sql`${dimensionText(engine, dimension)} AS ${columns[i]!}`);
  const input = sql`${join(values, ", ")}, ${metricInput(engine, metric)}`;
  const from = fromSelected(engine, selection);
  const order = sql`${metricAggregate(engine, metric)} DESC, ${names}`;
  const top = sql`
    SELECT ${names}, row_number() OVER (ORDER BY ${order}) AS r
    FROM (SELECT ${input} ${from}) AS every_event
    GROUP BY ${names} ORDER BY ${order} LIMIT ${int64(limit)}`;
  const same = columns.map((column) => sql`e.${column} = top.${column}`);
  const topValues = columns.map((column) => sql`top.${column} AS ${column}`);
  return sql`(
    SELECT top.r AS r, ${join(topValues, ", ")}, e.m AS m, e.b AS b
    FROM (SELECT ${input}, ${bucket} AS b ${from}) AS e
    LEFT JOIN (${top}) AS top ON ${join(same, " AND ")}
  ) AS ranked_events`;
}
