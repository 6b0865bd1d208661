import type { UserSession } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, join, sql, trusted } from "./fragment.ts";
import { numbers, rows, type Table, texts } from "./plan.ts";
import { eventOrder } from "./sessions.ts";

/**
 * One user's latest sessions, a row each: session_id, first and last timestamp, events, and the number and the summed
 * length of all the user's sessions.
 *
 * @param from `FROM … WHERE …` of the user's events
 */
export function userSessions(engine: SqlEngine, from: Fragment, gapUs: number, limit: number): Fragment {
  const [time, id, partition, offset] = eventOrder(engine);
  const columns = [
    sql`${engine.textField("session_id")} AS s`,
    sql`${time!} AS t`,
    sql`${id!} AS i`,
    sql`${partition!} AS p`,
    sql`${offset!} AS o`,
  ];
  const order = sql`PARTITION BY s ORDER BY t, i, p, o`;
  return sql`
    WITH own AS (SELECT ${join(columns, ", ")} ${from}),
    ordered AS (SELECT s, t, i, p, o, ${engine.previous(trusted("t"), order)} AS before FROM own),
    marked AS (
      SELECT s, t, i, p, o,
        CASE WHEN before IS NULL OR (s = '' AND t - before > ${int64(gapUs)}) THEN 1 ELSE 0 END AS starts
      FROM ordered
    ),
    numbered AS (
      SELECT s, t, i, starts, sum(starts) OVER (${order} ROWS UNBOUNDED PRECEDING) AS number FROM marked
    ),
    sessions AS (
      SELECT s, min(t) AS first_t, max(t) AS last_t, count(*) AS events, max(CASE WHEN starts = 1 THEN i END) AS first_i
      FROM numbered GROUP BY s, number
    )
    SELECT s, first_t, last_t, events, count(*) OVER (), sum(last_t - first_t) OVER ()
    FROM sessions ORDER BY first_t DESC, first_i DESC, s DESC LIMIT ${int64(limit)}`;
}

export function readSessions(table: Table | undefined): {
  sessions: UserSession[];
  totalSessions: number;
  sessionLengthUs: number;
} {
  return {
    sessions: rows(table, (i) => ({
      sessionId: texts(table, 0)[i] ?? "",
      startUs: numbers(table, 1)[i]!,
      endUs: numbers(table, 2)[i]!,
      events: numbers(table, 3)[i]!,
    })),
    totalSessions: numbers(table, 4)[0] ?? 0,
    sessionLengthUs: numbers(table, 5)[0] ?? 0,
  };
}
