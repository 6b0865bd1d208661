import type { DeadLetterPlace } from "../../domain/record/dead-letter.ts";
import type { DeadLetterQuestion, StoredDeadLetter } from "../dead-letters.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, join, sql, text } from "./fragment.ts";
import { numbers, type Plan, plan, rows, texts } from "./plan.ts";

/**
 * A page of dead letters, newest first.
 *
 * @param letters a query of columns partition, offset, project, reason, message, record64 (in base64), created_us and
 * replayed_us (NULL where it was not replayed)
 */
export function planDeadLetters(
  engine: SqlEngine,
  letters: Fragment,
  { projects, reason, places, after, limit }: DeadLetterQuestion,
): Plan<StoredDeadLetter[]> {
  const conditions: Fragment[] = [isOneOf(projects)];
  if (reason !== undefined) conditions.push(sql`reason = ${text(reason)}`);
  if (places !== undefined) conditions.push(standsAt(places));
  if (after !== undefined) {
    const { createdUs, partition, offset } = after;
    const cursor = sql`(${int64(createdUs)}, ${int64(partition)}, ${int64(offset)})`;
    conditions.push(sql`(created_us, "partition", "offset") < ${cursor}`);
  }
  const order = sql`created_us DESC, "partition" DESC, "offset" DESC`;
  return listed(engine, letters, join(conditions, " AND "), order, limit);
}

/** From where on, of each partition. */
export type LetterStarts = readonly (readonly [partition: number, offset: number])[];

/**
 * A page of the dead letters of all projects, in the order of the log.
 *
 * @param starts at least one
 * @param letters as of planDeadLetters
 */
export function planLettersFrom(
  engine: SqlEngine,
  letters: Fragment,
  starts: LetterStarts,
  limit: number,
): Plan<StoredDeadLetter[]> {
  const parts = starts.map(
    ([partition, offset]) => sql`("partition" = ${int64(partition)} AND "offset" >= ${int64(offset)})`,
  );
  return listed(engine, letters, join(parts, " OR "), sql`"partition", "offset"`, limit);
}

function listed(
  engine: SqlEngine,
  letters: Fragment,
  condition: Fragment,
  order: Fragment,
  limit: number,
): Plan<StoredDeadLetter[]> {
  const statement = sql`
    SELECT "partition", "offset", project, reason, message, record64, created_us, replayed_us
    FROM (${letters}) AS letters WHERE ${condition}
    ORDER BY ${order} LIMIT ${int64(limit)}`;
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

/** Whether a dead letter stands at one of these places and belongs to one of these projects. */
export function isLetterAt(places: readonly DeadLetterPlace[], projects: readonly string[]): Fragment {
  return sql`${isOneOf(projects)} AND ${standsAt(places)}`;
}

function isOneOf(projects: readonly string[]): Fragment {
  return sql`project IN (${join(projects.map(text), ", ")})`;
}

function standsAt(places: readonly DeadLetterPlace[]): Fragment {
  const pairs = places.map(({ partition, offset }) => sql`(${int64(partition)}, ${int64(offset)})`);
  return sql`("partition", "offset") IN (${join(pairs, ", ")})`;
}
