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
  const counted = (keys: Fragment) => sql`
    SELECT key, count(*) AS n, count(*) OVER () AS total FROM (SELECT ${keys} ${from}) AS every_key
    GROUP BY key ORDER BY n DESC, key LIMIT ${int64(limit)}`;
  const statements = [
    counted(sql`${engine.textField("name")} AS key`),
    counted(engine.keyRows("properties")),
    counted(engine.keyRows("measures")),
  ];
  return plan(engine, statements, ([names, properties, measures]) => ({
    names: keys(names),
    properties: keys(properties),
    measures: keys(measures),
    totalNames: total(names),
    totalProperties: total(properties),
    totalMeasures: total(measures),
  }));
}

function keys(table: Table | undefined): CountedKey[] {
  return rows(table, (i) => ({ key: texts(table, 0)[i] ?? "", events: numbers(table, 1)[i]! }));
}

function total(table: Table | undefined): number {
  return numbers(table, 2)[0] ?? 0;
}
