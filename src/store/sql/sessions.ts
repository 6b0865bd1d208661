/**
 * Sessions of the selected events. Events with a session_id: a session is (user, session_id). Events without: a gap of
 * more than so many microseconds between consecutive ones of a user starts a new session.
 */
import type { Dimension, Selection } from "../questions.ts";
import { dimensionText, groupColumns } from "./dimension.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, join, sql, trusted } from "./fragment.ts";
import { fromSelected } from "./selection.ts";

/** An event's place among its user's: by time, then id; the rest tells rows of one identity apart. */
export function eventOrder(engine: SqlEngine): Fragment[] {
  return [
    engine.timeField("timestamp"),
    engine.textField("id"),
    engine.column("partition"),
    engine.column("offset"),
  ];
}

/**
 * A query of one row for each session: the dimensions of its first event (g0, g1) and that event's timestamp `t`.
 * Without dimensions events of the same instant need no order, which is twice as fast.
 */
export function sessionStarts(
  engine: SqlEngine,
  selection: Selection,
  gapUs: number,
  groupBy: readonly Dimension[] = [],
): Fragment {
  const [time, user, session] = [
    engine.timeField("timestamp"),
    engine.column("user_key"),
    engine.textField("session_id"),
  ];
  const columns = groupColumns(groupBy);
  const texts = groupBy.map((dimension) => dimensionText(engine, dimension));
  const order = groupBy.length === 0 ? [time] : eventOrder(engine);
  const ofFirst = texts.map((value, i) => sql`${engine.firstBy(value, order)} AS ${columns[i]!}`);
  const ofEvent = texts.map((value, i) => sql`${value} AS ${columns[i]!}`);
  return sql`
    SELECT ${join([...ofFirst, sql`min(${time}) AS t`], ", ")}
    ${fromSelected(engine, selection, [sql`${session} <> ''`])} GROUP BY ${user}, ${session}
    UNION ALL
    SELECT ${join([...columns, trusted("t")], ", ")} FROM (
      SELECT ${join([...ofEvent, sql`${time} AS t`], ", ")},
        ${engine.previous(time, sql`PARTITION BY ${user} ORDER BY ${join(order, ", ")}`)} AS before
      ${fromSelected(engine, selection, [sql`${session} = ''`])}
    ) AS ordered WHERE before IS NULL OR t - before > ${int64(gapUs)}`;
}
