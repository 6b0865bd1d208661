import type { Metric } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, sql, trusted } from "./fragment.ts";

/**
 * How a metric is computed: events become rows with a value `m`, rows become cells (one for each group and bucket), and
 * any set of cells gives the metric, so that groups, buckets, "other" and the whole come from one pass over the events.
 */
export interface MetricSql {
  /** `m` of an event. */
  readonly input: Fragment;
  /**
   * What cells are: aggregates of their rows; their different `m`, a row each; or the rows themselves, where nothing
   * less would do.
   */
  readonly cells: "aggregates" | "different" | "rows";
  /** Columns of cells. */
  readonly columns: readonly string[];
  /** Those columns as aggregates of rows; only where cells are aggregates. */
  readonly aggregates: readonly Fragment[];
  /** The metric over cells. */
  readonly value: Fragment;
  /** What groups are ranked by, over cells. */
  readonly rank: Fragment;
}

/**
 * @param bucketed whether cells are told apart by buckets too
 * @param values of how many sets of cells the metric is asked at most
 */
export function metricSql(engine: SqlEngine, metric: Metric, bucketed: boolean, values: number): MetricSql {
  const events = sql`COALESCE(sum(n), 0)`;
  switch (metric.kind) {
    case "events":
      return aggregated(sql`1`, [["n", sql`count(*)`]], events);
    case "sessions":
      // sessions.ts makes its rows: 1 for each session, and 0 for each group.
      return aggregated(sql`1`, [["n", sql`sum(m)`]], events);
    case "sum": {
      const value = engine.sum(trusted("v"));
      return aggregated(measureOf(engine, metric), [["v", engine.sum(trusted("m"))]], value);
    }
    case "avg": {
      const columns: [string, Fragment][] = [
        ["n", sql`count(*)`],
        ["c", sql`count(m)`],
        ["v", engine.sum(trusted("m"))],
      ];
      const value = sql`CASE WHEN sum(c) > 0 THEN ${engine.sum(trusted("v"))} / sum(c) END`;
      return aggregated(measureOf(engine, metric), columns, value, events);
    }
    case "min":
    case "max": {
      const extreme = (column: string) => trusted(`${metric.kind}(${column})`);
      const columns: [string, Fragment][] = [
        ["n", sql`count(*)`],
        ["v", extreme("m")],
      ];
      return aggregated(measureOf(engine, metric), columns, extreme("v"), events);
    }
    case "unique_users": {
      const input = engine.column("user_key");
      const ofUsers = {
        input,
        columns: ["m"],
        aggregates: [],
        value: engine.countUsers(trusted("m"), values),
      };
      // With buckets there are about as many different users of cells as rows, and remembering them costs more.
      return bucketed
        ? { ...ofUsers, cells: "rows", rank: engine.countDistinct(trusted("m")) }
        : { ...ofUsers, cells: "different", rank: sql`count(*)` };
    }
    case "quantile": {
      const value = engine.quantile(trusted("m"), metric.p);
      const input = measureOf(engine, metric);
      return { input, cells: "rows", columns: ["m"], aggregates: [], value, rank: sql`count(*)` };
    }
  }
}

function aggregated(
  input: Fragment,
  columns: readonly (readonly [name: string, aggregate: Fragment])[],
  value: Fragment,
  rank = value,
): MetricSql {
  return {
    input,
    cells: "aggregates",
    columns: columns.map(([name]) => name),
    aggregates: columns.map(([, aggregate]) => aggregate),
    value,
    rank,
  };
}

function measureOf(engine: SqlEngine, { measure }: { readonly measure: string }): Fragment {
  return engine.measure(measure);
}
