import type { CountedKey, DimensionsAnswer, DimensionsQuestion } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, sql } from "./fragment.ts";
import { numbers, type Plan, plan, rows, type Table, texts } from "./plan.ts";
import { fromSelected } from "./selection.ts";

export function dimensions(
  engine: SqlEngine,
  { selection, limit }: DimensionsQuestion,
): Plan<DimensionsAnswer> {
  const from = fromSelected(engine, selection);
  const ranked = (counts: Fragment) => sql`
    SELECT key, n FROM (${counts}) AS counts
    ORDER BY n DESC, key LIMIT ${int64(limit)}`;
  const name = engine.textField("name");
  const statements = [
    ranked(sql`SELECT ${name} AS key, count(*) AS n ${from} GROUP BY ${name}`),
    ranked(engine.keyCounts("properties", from)),
    ranked(engine.keyCounts("measures", from)),
  ];
  return plan(engine, statements, ([names, properties, measures]) => ({
    names: keys(names),
    properties: keys(properties),
    measures: keys(measures),
  }));
}

function keys(table: Table | undefined): CountedKey[] {
  return rows(table, (i) => ({ key: texts(table, 0)[i] ?? "", events: numbers(table, 1)[i]! }));
}
