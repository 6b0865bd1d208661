import type { Selection, SummaryAnswer, SummaryQuestion } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { int64, sql, trusted } from "./fragment.ts";
import { numbers, type Plan, plan, rows, type Table, texts } from "./plan.ts";
import { fromSelected } from "./selection.ts";
import { sessionCount } from "./sessions.ts";

export function summary(engine: SqlEngine, question: SummaryQuestion): Plan<SummaryAnswer> {
  const { selection, topLimit, sessionGapUs } = question;
  const timestamp = engine.timeField("timestamp");
  const users = engine.countUsers(engine.column("user_key"), 1);
  const totals = sql`
    SELECT count(*), ${users}, min(${timestamp}), max(${timestamp}) ${fromSelected(engine, selection)}`;
  const type = engine.textField("event_type");
  const byType = sql`SELECT ${type}, count(*) ${fromSelected(engine, selection)} GROUP BY ${type}`;
  const top = topNames(engine, selection, topLimit);
  const statements = [totals, byType, top.statement];
  if (sessionGapUs !== undefined) {
    statements.push(sessionCount(engine, selection, sessionGapUs));
  }
  return plan(engine, statements, ([total, types, names, sessions]) => ({
    totalEvents: numbers(total, 0)[0]!,
    uniqueUsers: numbers(total, 1)[0]!,
    ...(sessions ? { sessions: numbers(sessions, 0)[0]! } : {}),
    eventsByType: Object.fromEntries(rows(types, (i) => [texts(types, 0)[i] ?? "", numbers(types, 1)[i]!])),
    topEvents: top.read(names),
    ...readBounds(total, 2),
  }));
}

/** First and last timestamp from two columns; absent where there are no events. */
export function readBounds(
  table: Table | undefined,
  column: number,
): { firstEventUs?: number; lastEventUs?: number } {
  const firstEventUs = numbers(table, column)[0]!;
  const lastEventUs = numbers(table, column + 1)[0]!;
  return Number.isNaN(firstEventUs) ? {} : { firstEventUs, lastEventUs };
}

/**
 * The names with the most events; with both ends, what they had in the range of equal length before. Users are counted
 * of these names alone, which bounds what it takes.
 */
function topNames(engine: SqlEngine, selection: Selection, limit: number) {
  const { startUs, endUs } = selection;
  const name = engine.textField("name");
  const hasBefore = startUs !== undefined && endUs !== undefined;
  const counted = hasBefore ? { ...selection, startUs: 2 * startUs - endUs } : selection;
  const now = hasBefore
    ? sql`count(CASE WHEN ${engine.timeField("timestamp")} >= ${int64(startUs)} THEN 1 END)`
    : sql`count(*)`;
  const top = sql`
    SELECT ${name} AS name, ${now} AS n, count(*) AS all_n ${fromSelected(engine, counted)}
    GROUP BY ${name} HAVING ${now} > 0 ORDER BY n DESC, ${name} LIMIT ${int64(limit)}`;
  const statement = sql`
    WITH ${engine.named("top_names", "small", top)}
    SELECT top_names.name, min(top_names.n) AS top_n, ${engine.countUsers(trusted("u"), limit)}, min(top_names.all_n)
    FROM (SELECT ${name} AS name, ${engine.column("user_key")} AS u ${fromSelected(engine, selection)}) AS e
    JOIN top_names ON top_names.name = e.name
    GROUP BY top_names.name ORDER BY top_n DESC, top_names.name`;
  const read = (table: Table | undefined) =>
    rows(table, (i) => {
      const events = numbers(table, 1)[i]!;
      const before = hasBefore ? { eventsBefore: numbers(table, 3)[i]! - events } : {};
      return { name: texts(table, 0)[i] ?? "", events, users: numbers(table, 2)[i]!, ...before };
    });
  return { statement, read };
}
