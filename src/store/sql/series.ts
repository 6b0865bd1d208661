import type { SeriesAnswer, SeriesGroup, SeriesQuestion } from "../questions.ts";
import { bucketOf } from "./buckets.ts";
import type { SqlEngine } from "./engine.ts";
import { join, sql } from "./fragment.ts";
import { groupColumns, rankedEvents } from "./groups.ts";
import { metricAggregate, metricInput } from "./metric.ts";
import { numbers, type Plan, plan, type Table, texts } from "./plan.ts";
import { fromSelected } from "./selection.ts";

/** A series: a row for each bucket of a group that has events, and a row for each whole group. */
export function series(engine: SqlEngine, question: SeriesQuestion): Plan<SeriesAnswer> {
  const { selection, metric, starts, endUs, groupBy, groupLimit } = question;
  const [first] = starts;
  if (first === undefined) {
    const groups = groupBy.length === 0 ? [emptyGroup(0)] : [];
    return plan(engine, [], () => ({ groups }));
  }
  const inBuckets = {
    ...selection,
    startUs: Math.max(selection.startUs ?? first, first),
    endUs: Math.min(selection.endUs ?? endUs, endUs),
  };
  const bucket = bucketOf(engine, engine.timeField("timestamp"), starts, endUs);
  const value = metricAggregate(engine, metric);
  if (groupBy.length === 0) {
    const input = sql`SELECT ${metricInput(engine, metric)}, ${bucket} AS b ${fromSelected(engine, inBuckets)}`;
    const statement = sql`
      SELECT grouping(b) AS whole, b, ${value} AS value FROM (${input}) AS e GROUP BY GROUPING SETS ((b), ())`;
    return plan(engine, [statement], ([table]) => readWhole(table, starts.length));
  }
  const grouped = { selection: inBuckets, metric, groupBy, limit: groupLimit };
  const names = join(groupColumns(groupBy), ", ");
  const statement = sql`
    SELECT grouping(b) AS whole, b, ${value} AS value, r, ${names}
    FROM ${rankedEvents(engine, grouped, bucket)}
    GROUP BY GROUPING SETS ((r, b), (r, ${names}))`;
  return plan(engine, [statement], ([table]) => readGroups(table, starts.length, groupBy.length));
}

function readWhole(table: Table | undefined, buckets: number): SeriesAnswer {
  const group = emptyGroup(buckets);
  fill(table, () => group);
  return { groups: [group] };
}

function readGroups(table: Table | undefined, buckets: number, dimensions: number): SeriesAnswer {
  const ranks = numbers(table, 3);
  const byRank = new Map<number, MutableGroup>();
  let other: MutableGroup | undefined;
  const groupAt = (row: number): MutableGroup => {
    const rank = ranks[row]!;
    if (Number.isNaN(rank)) {
      other ??= emptyGroup(buckets);
      return other;
    }
    const group = byRank.get(rank) ?? emptyGroup(buckets);
    byRank.set(rank, group);
    return group;
  };
  fill(table, groupAt, (group, row) => {
    if (group !== other)
      group.values = Array.from({ length: dimensions }, (_, i) => texts(table, 4 + i)[row] ?? "");
  });
  const groups = [...byRank].sort(([a], [b]) => a - b).map(([, group]) => group);
  return other === undefined ? { groups } : { groups, other };
}

type MutableGroup = { -readonly [K in keyof SeriesGroup]: SeriesGroup[K] };

function emptyGroup(buckets: number): MutableGroup {
  return { values: [], buckets: new Float64Array(buckets), total: 0 };
}

/** Puts each row where it belongs: into a bucket of its group, or into the group's total. */
function fill(
  table: Table | undefined,
  groupAt: (row: number) => MutableGroup,
  onWhole?: (group: MutableGroup, row: number) => void,
): void {
  const whole = numbers(table, 0);
  const bucket = numbers(table, 1);
  const value = numbers(table, 2);
  for (let row = 0; row < whole.length; row++) {
    const group = groupAt(row);
    if (whole[row] === 0) group.buckets[bucket[row]!] = value[row]!;
    else {
      group.total = value[row]!;
      onWhole?.(group, row);
    }
  }
}
