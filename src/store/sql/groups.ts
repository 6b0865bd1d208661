import type { Dimension, Metric, Selection } from "../questions.ts";
import { dimensionText, groupColumns } from "./dimension.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, join, sql, trusted } from "./fragment.ts";
import { type MetricSql, metricSql } from "./metric.ts";
import { fromSelected } from "./selection.ts";
import { sessionStarts } from "./sessions.ts";

export interface CellQuestion {
  readonly selection: Selection;
  readonly metric: Metric;
  readonly groupBy: readonly Dimension[];
  /** Number of the bucket that a timestamp lies in; absent: cells are not told apart by buckets. */
  readonly bucket?: (timestamp: Fragment) => Fragment;
  /** How many values are asked for at most: buckets, groups, other, the whole. */
  readonly values: number;
}

export interface Cells {
  /** An entry of WITH, named `cells`: columns g0, g1 (the group), b (the bucket) and those of the metric. */
  readonly entry: Fragment;
  readonly metric: MetricSql;
}

/** What a metric by group and bucket is computed from. */
export function cellsOf(engine: SqlEngine, question: CellQuestion): Cells {
  const { groupBy, bucket } = question;
  const metric = metricSql(engine, question.metric, bucket !== undefined, question.values);
  const keys = groupColumns(groupBy);
  if (bucket) keys.push(trusted("b"));
  const rows = rowsOf(engine, question, metric);
  if (metric.cells === "rows") return { entry: engine.named("cells", "large", rows), metric };
  if (metric.cells === "different") keys.push(trusted("m"));
  const columns = [
    ...keys,
    ...metric.aggregates.map((of, i) => sql`${of} AS ${trusted(metric.columns[i]!)}`),
  ];
  const query = sql`SELECT ${join(columns, ", ")} FROM (${rows}) AS every_row GROUP BY ${join(keys, ", ")}`;
  return { entry: engine.named("cells", "small", query), metric };
}

/** A query of columns g0, g1, b, m. */
function rowsOf(engine: SqlEngine, question: CellQuestion, { input }: MetricSql): Fragment {
  const { selection, metric, groupBy, bucket } = question;
  const columns = groupColumns(groupBy);
  const names = groupBy.map((dimension, i) => sql`${dimensionText(engine, dimension)} AS ${columns[i]!}`);
  const row = (groups: readonly Fragment[], b: Fragment | undefined, m: Fragment) =>
    join([...groups, ...(b ? [sql`${b} AS b`] : []), sql`${m} AS m`], ", ");
  if (metric.kind !== "sessions") {
    const list = row(names, bucket?.(engine.timeField("timestamp")), input);
    return sql`SELECT ${list} ${fromSelected(engine, selection)}`;
  }
  const starts = sql`
    SELECT ${row(columns, bucket?.(trusted("t")), sql`1`)}
    FROM (${sessionStarts(engine, selection, metric.gapUs, groupBy)}) AS starts`;
  if (groupBy.length === 0) return starts;
  // A group none of whose events starts a session is a group all the same.
  const groups = sql`SELECT DISTINCT ${row(names, bucket && sql`0`, sql`0`)} ${fromSelected(engine, selection)}`;
  return sql`${starts} UNION ALL ${groups}`;
}

/**
 * Entries of WITH: `cells`, and `ranked`, which has the metric's columns, b, and of the cell's group its rank `r` (from
 * 1; NULL beyond the limit) and its values (NULL without a rank). Equal ranks are told apart by the bytes of the values.
 */
export function rankedCells(engine: SqlEngine, question: CellQuestion, limit: number): Cells {
  const { entry, metric } = cellsOf(engine, question);
  const columns = groupColumns(question.groupBy);
  const names = join(columns, ", ");
  const order = sql`${metric.rank} DESC, ${names}`;
  const leaders = sql`
    SELECT ${names}, row_number() OVER (ORDER BY ${order}) AS r
    FROM cells GROUP BY ${names} ORDER BY ${order} LIMIT ${int64(limit)}`;
  const same = columns.map((column) => sql`cells.${column} = leaders.${column}`);
  const kept = [...metric.columns, ...(question.bucket ? ["b"] : [])].map((name) =>
    trusted(`cells.${name} AS ${name}`),
  );
  const ofLeaders = columns.map((column) => sql`leaders.${column} AS ${column}`);
  const ranked = sql`
    SELECT ${join([trusted("leaders.r AS r"), ...ofLeaders, ...kept], ", ")}
    FROM cells LEFT JOIN leaders ON ${join(same, " AND ")}`;
  const entries = [entry, engine.named("leaders", "small", leaders), engine.named("ranked", "large", ranked)];
  return { entry: join(entries, ", "), metric };
}
