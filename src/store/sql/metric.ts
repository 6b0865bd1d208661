import type { Dimension, Metric } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, sql, trusted } from "./fragment.ts";

/** Select list of what the metric is computed from: column `m`. */
export function metricInput(engine: SqlEngine, metric: Metric): Fragment {
  switch (metric.kind) {
    case "events":
      return sql`1 AS m`;
    case "unique_users":
      return sql`${engine.column("user_key")} AS m`;
    case "sum":
      return sql`${engine.measure(metric.measure)} AS m`;
  }
}

/** The metric over rows with column `m`. */
export function metricAggregate(engine: SqlEngine, metric: Metric): Fragment {
  switch (metric.kind) {
    case "events":
      return sql`count(*)`;
    case "unique_users":
      return engine.countDistinct(trusted("m"));
    case "sum":
      return engine.sum(trusted("m"));
  }
}

/** The dimension as text; a missing property is ''. */
export function dimensionText(engine: SqlEngine, dimension: Dimension): Fragment {
  return dimension.kind === "field"
    ? engine.textField(dimension.field)
    : sql`COALESCE(${engine.property(dimension.key)}, '')`;
}
