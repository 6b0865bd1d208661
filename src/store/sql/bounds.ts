import type { BoundsAnswer, BoundsQuestion } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { sql } from "./fragment.ts";
import { type Plan, plan } from "./plan.ts";
import { fromSelected } from "./selection.ts";
import { readBounds } from "./summary.ts";

export function bounds(engine: SqlEngine, { selection }: BoundsQuestion): Plan<BoundsAnswer> {
  const timestamp = engine.timeField("timestamp");
  const statement = sql`SELECT min(${timestamp}), max(${timestamp}) ${fromSelected(engine, selection)}`;
  return plan(engine, [statement], ([table]) => readBounds(table, 0));
}
