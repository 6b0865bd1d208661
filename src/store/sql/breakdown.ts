import type { BreakdownAnswer, BreakdownQuestion } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { sql } from "./fragment.ts";
import { rankedCells } from "./groups.ts";
import { numbers, type Plan, plan, texts } from "./plan.ts";

/** A breakdown: a row for each group, one for the events beyond the limit, and one for all. */
export function breakdown(engine: SqlEngine, question: BreakdownQuestion): Plan<BreakdownAnswer> {
  const { selection, metric, dimension, limit } = question;
  const cells = rankedCells(engine, { selection, metric, groupBy: [dimension], values: limit + 2 }, limit);
  const statement = sql`
    WITH ${cells.entry}
    SELECT grouping(r) AS whole, r, g0, ${cells.metric.value} AS value
    FROM ranked GROUP BY GROUPING SETS ((r, g0), ()) ORDER BY r`;
  return plan(engine, [statement], ([table]) => {
    const [whole, rank, name, value] = [
      numbers(table, 0),
      numbers(table, 1),
      texts(table, 2),
      numbers(table, 3),
    ];
    const rows: { value: string; metric: number }[] = [];
    let other: number | undefined;
    let total = 0;
    for (let i = 0; i < value.length; i++) {
      if (whole[i] !== 0) total = value[i]!;
      else if (Number.isNaN(rank[i])) other = value[i]!;
      else rows.push({ value: name[i] ?? "", metric: value[i]! });
    }
    return other === undefined ? { rows, total } : { rows, other, total };
  });
}
