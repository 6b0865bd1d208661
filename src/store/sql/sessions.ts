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
  return sql`${startsById(engine, selection, groupBy)} UNION ALL ${startsByGap(engine, selection, gapUs, groupBy)}`;
}

/** A query of one number, how many sessions there are. Counting each kind by itself spares gathering both. */
export function sessionCount(engine: SqlEngine, selection: Selection, gapUs: number): Fragment {
  const count = (starts: Fragment) => sql`(SELECT count(*) FROM (${starts}) AS starts)`;
  return sql`SELECT ${count(startsById(engine, selection, []))} + ${count(startsByGap(engine, selection, gapUs, []))}`;
}

/** Sessions of the events that have a session_id. */
function startsById(engine: SqlEngine, selection: Selection, groupBy: readonly Dimension[]): Fragment {
  const [time, session] = [engine.timeField("timestamp"), engine.textField("session_id")];
  const columns = groupColumns(groupBy);
  const order = orderFor(engine, groupBy);
  const ofFirst = groupBy.map(
    (dimension, i) => sql`${engine.firstBy(dimensionText(engine, dimension), order)} AS ${columns[i]!}`,
  );
  return sql`
    SELECT ${join([...ofFirst, sql`min(${time}) AS t`], ", ")}
    ${fromSelected(engine, selection, [sql`${session} <> ''`])} GROUP BY ${engine.column("user_key")}, ${session}`;
}

/** Sessions of the events that have none. */
function startsByGap(
  engine: SqlEngine,
  selection: Selection,
  gapUs: number,
  groupBy: readonly Dimension[],
): Fragment {
  const [time, session] = [engine.timeField("timestamp"), engine.textField("session_id")];
  const columns = groupColumns(groupBy);
  const window = sql`PARTITION BY ${engine.column("user_key")} ORDER BY ${join(orderFor(engine, groupBy), ", ")}`;
  const ofEvent = groupBy.map((dimension, i) => sql`${dimensionText(engine, dimension)} AS ${columns[i]!}`);
  return sql`
    SELECT ${join([...columns, trusted("t")], ", ")} FROM (
      SELECT ${join([...ofEvent, sql`${time} AS t`], ", ")}, ${engine.previous(time, window)} AS before
      ${fromSelected(engine, selection, [sql`${session} = ''`])}
    ) AS ordered WHERE before IS NULL OR t - before > ${int64(gapUs)}`;
}

function orderFor(engine: SqlEngine, groupBy: readonly Dimension[]): readonly Fragment[] {
  return groupBy.length === 0 ? [engine.timeField("timestamp")] : eventOrder(engine);
}
