import type { Metric, SeriesAnswer, SeriesGroup, SeriesQuestion } from "../questions.ts";
import { bucketOf } from "./buckets.ts";
import { groupColumns } from "./dimension.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, join, sql } from "./fragment.ts";
import { cellsOf, rankedCells } from "./groups.ts";
import { numbers, type Plan, plan, type Table, texts } from "./plan.ts";

/** A series: a row for each bucket of a group that has events, and a row for each whole group. */
export function series(engine: SqlEngine, question: SeriesQuestion): Plan<SeriesAnswer> {
  const { selection, metric, starts, endUs, groupBy, groupLimit } = question;
  const [first] = starts;
  const empty = emptyValue(metric);
  if (first === undefined) {
    const groups = groupBy.length === 0 ? [emptyGroup(0, empty)] : [];
    return plan(engine, [], () => ({ groups }));
  }
  const inBuckets = {
    ...selection,
    startUs: Math.max(selection.startUs ?? first, first),
    endUs: Math.min(selection.endUs ?? endUs, endUs),
  };
  const bucket = (timestamp: Fragment) => bucketOf(engine, timestamp, starts, endUs);
  const groups = groupBy.length === 0 ? 1 : groupLimit + 1;
  const values = groups * (starts.length + 1);
  const cellQuestion = { selection: inBuckets, metric, groupBy, bucket, values };
  if (groupBy.length === 0) {
    const cells = cellsOf(engine, cellQuestion);
    const statement = sql`
      WITH ${cells.entry}
      SELECT grouping(b) AS whole, b, ${cells.metric.value} AS value FROM cells GROUP BY GROUPING SETS ((b), ())`;
    return plan(engine, [statement], ([table]) => readWhole(table, emptyGroup(starts.length, empty)));
  }
  const cells = rankedCells(engine, cellQuestion, groupLimit);
  const names = join(groupColumns(groupBy), ", ");
  const statement = sql`
    WITH ${cells.entry}
    SELECT grouping(b) AS whole, b, ${cells.metric.value} AS value, r, ${names}
    FROM ranked GROUP BY GROUPING SETS ((r, b), (r, ${names}))`;
  const newGroup = () => emptyGroup(starts.length, empty);
  return plan(engine, [statement], ([table]) => readGroups(table, newGroup, groupBy.length));
}

/** What a bucket without events holds. */
function emptyValue({ kind }: Metric): number {
  return kind === "avg" || kind === "min" || kind === "max" || kind === "quantile" ? Number.NaN : 0;
}

function readWhole(table: Table | undefined, group: MutableGroup): SeriesAnswer {
  fill(table, () => group);
  return { groups: [group] };
}

function readGroups(
  table: Table | undefined,
  newGroup: () => MutableGroup,
  dimensions: number,
): SeriesAnswer {
  const ranks = numbers(table, 3);
  const byRank = new Map<number, MutableGroup>();
  let other: MutableGroup | undefined;
  const groupAt = (row: number): MutableGroup => {
    const rank = ranks[row]!;
    if (Number.isNaN(rank)) {
      other ??= newGroup();
      return other;
    }
    const group = byRank.get(rank) ?? newGroup();
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

function emptyGroup(buckets: number, empty: number): MutableGroup {
  return { values: [], buckets: new Float64Array(buckets).fill(empty), total: empty };
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
