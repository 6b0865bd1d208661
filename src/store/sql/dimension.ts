import type { Dimension } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, sql, trusted } from "./fragment.ts";

/** The dimension as text; a missing property is ''. */
export function dimensionText(engine: SqlEngine, dimension: Dimension): Fragment {
  return dimension.kind === "field"
    ? engine.textField(dimension.field)
    : sql`COALESCE(${engine.property(dimension.key)}, '')`;
}

/** Columns that hold a group's values: g0, g1. */
export function groupColumns(groupBy: readonly Dimension[]): Fragment[] {
  return groupBy.map((_, index) => trusted(`g${index}`));
}
