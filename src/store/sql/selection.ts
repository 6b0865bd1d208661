import type { Selection } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { filterSql } from "./filter.ts";
import { type Fragment, int64, join, sql, text } from "./fragment.ts";

/** `FROM events WHERE …`: the events of a selection that meet the further conditions too. */
export function fromSelected(
  engine: SqlEngine,
  selection: Selection,
  further: readonly Fragment[] = [],
): Fragment {
  const { project, startUs, endUs, filter } = selection;
  const timestamp = engine.timeField("timestamp");
  const conditions = [sql`${engine.column("project")} = ${text(project)}`];
  if (startUs !== undefined) conditions.push(sql`${timestamp} >= ${int64(startUs)}`);
  if (endUs !== undefined) conditions.push(sql`${timestamp} < ${int64(endUs)}`);
  if (engine.visible !== undefined) conditions.push(engine.visible);
  conditions.push(...further);
  if (filter !== undefined) conditions.push(sql`(${filterSql(filter, engine)})`);
  return sql`FROM ${engine.events} WHERE ${join(conditions, " AND ")}`;
}
