import type { DeadLetterPlace } from "../../domain/record/dead-letter.ts";
import type { DeadLetterQuestion, StoredDeadLetter } from "../dead-letters.ts";
import type { SqlEngine } from "../sql/engine.ts";
import { type Fragment, int64, join, render, type Statement, sql, text } from "../sql/fragment.ts";
import { numbers, type Plan, plan, rows, texts } from "../sql/plan.ts";

/** Those that were there before the column was have no time of their own. */
const created = sql`COALESCE(created_us, received_us)`;

/** A page of dead letters, newest first. */
export function planDeadLetters(
  engine: SqlEngine,
  { projects, reason, places, after, limit }: DeadLetterQuestion,
): Plan<StoredDeadLetter[]> {
  const conditions: Fragment[] = [isOneOf(projects)];
  if (reason !== undefined) conditions.push(sql`reason = ${text(reason)}`);
  if (places !== undefined) conditions.push(standsAt(places));
  if (after !== undefined) {
    const { createdUs, partition, offset } = after;
    const cursor = sql`(${int64(createdUs)}, ${int64(partition)}, ${int64(offset)})`;
    conditions.push(sql`(${created}, "partition", "offset") < ${cursor}`);
  }
  const statement = sql`
    SELECT "partition", "offset", project, reason, message, to_base64(record), ${created}, replayed_us
    FROM dead_letters WHERE ${join(conditions, " AND ")}
    ORDER BY 7 DESC, 1 DESC, 2 DESC LIMIT ${int64(limit)}`;
  return plan(engine, [statement], ([table]) =>
    rows(table, (i) => {
      const replayedUs = numbers(table, 7)[i]!;
      return {
        partition: numbers(table, 0)[i]!,
        offset: numbers(table, 1)[i]!,
        project: texts(table, 2)[i] ?? "",
        reason: texts(table, 3)[i] ?? "",
        message: texts(table, 4)[i] ?? "",
        record: Buffer.from(texts(table, 5)[i] ?? "", "base64"),
        createdUs: numbers(table, 6)[i]!,
        ...(Number.isNaN(replayedUs) ? {} : { replayedUs }),
      };
    }),
  );
}

/** Removes the dead letters at these places that belong to these projects. */
export function discardStatement(
  engine: SqlEngine,
  places: readonly DeadLetterPlace[],
  projects: readonly string[],
): Statement {
  const statement = sql`DELETE FROM dead_letters WHERE ${isOneOf(projects)} AND ${standsAt(places)}`;
  return render(statement, (index, type) => engine.placeholder(index, type));
}

function isOneOf(projects: readonly string[]): Fragment {
  return sql`project IN (${join(projects.map(text), ", ")})`;
}

function standsAt(places: readonly DeadLetterPlace[]): Fragment {
  const pairs = places.map(({ partition, offset }) => sql`(${int64(partition)}, ${int64(offset)})`);
  return sql`("partition", "offset") IN (${join(pairs, ", ")})`;
}
