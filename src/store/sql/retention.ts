/**
 * First-ever retention: each user's first start event, then a bit for each cell in which one of their returns lies, in
 * one integer a user. Recurring retention is a state machine's (sequences/retention.ts).
 */
import type { FirstEverRetentionQuestion, RetentionAnswer, RetentionTerms, Selection } from "../questions.ts";
import { bucketOf } from "./buckets.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, join, sql, trusted } from "./fragment.ts";
import { matchSql, surelyApart, surelyCovers } from "./match.ts";
import { numbers, type Plan, plan, type Table } from "./plan.ts";
import { fromSelected } from "./selection.ts";
import { eventOrder } from "./sessions.ts";

/** The selection of all events that may be returns; its start is left open. */
export function reachOf({ selection, counting, ...terms }: RetentionTerms): Selection {
  const { startUs: _, endUs, ...open } = selection;
  const { periodStarts, periods, cohorts, returnRule } = terms;
  if (returnRule === "on_or_after") return open;
  const lastUs =
    counting.kind === "calendar" ? periodStarts[cohorts + periods]! : endUs + (periods + 1) * counting.unitUs;
  return { ...open, endUs: Math.min(lastUs, Number.MAX_SAFE_INTEGER) };
}

export function firstEverRetention(
  engine: SqlEngine,
  question: FirstEverRetentionQuestion,
): Plan<RetentionAnswer> {
  const { selection, start, cohorts, periodStarts, periods, returnRule } = question;
  const { startUs, ...untilEnd } = selection;
  const time = engine.timeField("timestamp");
  const user = engine.column("user_key");
  const starts = sql`
    SELECT ${user} AS u, min(${time}) AS s ${fromSelected(engine, untilEnd, [matchSql(engine, start)])}
    GROUP BY ${user} HAVING min(${time}) >= ${int64(startUs)}`;
  const cohort = bucketOf(engine, trusted("s"), periodStarts.slice(0, cohorts), periodStarts[cohorts]!);
  const cells = Array.from({ length: periods + 1 }, (_, cell) => {
    const bit = engine.bit(trusted("cells"), cell);
    const atLeast = engine.powerOfTwo(trusted(String(cell)));
    const retained = returnRule === "on" ? sql`${bit} = 1` : sql`cells >= ${atLeast}`;
    return sql`sum(CASE WHEN ${cell === 0 ? sql`again OR ${retained}` : retained} THEN 1 ELSE 0 END)`;
  });
  const grid = sql`
    WITH ${engine.named("starts", "small", starts)},
    ${engine.named("entered", "small", sql`SELECT u, s, ${cohort} AS c FROM starts`)},
    ${returned(engine, question)}
    SELECT c, count(*), max(s), ${join(cells, ", ")} FROM returned GROUP BY c`;
  return plan(engine, [grid], ([table]) => readGrid(table, cohorts, periods));
}

/**
 * Entries of WITH, the last of which, `returned`, has of each user that entered the cohort `c`, the time of the start
 * event `s`, `cells`, whose bit i says whether a return after that time lies in cell i, and `again`: whether there is
 * another return at that very time.
 */
function returned(engine: SqlEngine, question: FirstEverRetentionQuestion): Fragment {
  const { start, returns } = question;
  const [isStart, isReturn] = [matchSql(engine, start), matchSql(engine, returns)];
  const reach = reachOf(question);
  const bit = (condition: Fragment) => sql`CASE WHEN ${condition} THEN 1 ELSE 0 END`;
  const query = (own: Fragment, join: Fragment) => sql`
    SELECT u, min(c) AS c, min(s) AS s,
      ${engine.anyBits(sql`CASE WHEN r = 1 AND t > s THEN ${cellBit(engine, question)} ELSE 0 END`)} AS cells,
      sum(CASE WHEN t = s THEN r ELSE 0 END) > ${own} AS again
    FROM (
      SELECT ${engine.column("user_key")} AS k, ${engine.timeField("timestamp")} AS t, ${bit(isReturn)} AS r
      ${fromSelected(engine, reach, [sql`(${isStart} OR ${isReturn})`])}
    ) AS rows JOIN entered ON k = u ${join} WHERE t >= s GROUP BY u`;
  // Whether the start event is a return itself, which does not count, is plain in most questions.
  if (surelyCovers(returns, start)) return engine.named("returned", "small", query(sql`1`, sql``));
  if (surelyApart(returns, start)) return engine.named("returned", "small", query(sql`0`, sql``));
  const isFirst = sql`(${engine.column("user_key")}, ${engine.timeField("timestamp")}) IN (SELECT u, s FROM entered)`;
  const first = sql`
    SELECT ${engine.column("user_key")} AS f, ${engine.firstBy(bit(isReturn), eventOrder(engine))} AS own
    ${fromSelected(engine, reach, [isStart, isFirst])} GROUP BY ${engine.column("user_key")}`;
  const all = query(sql`min(own)`, sql`JOIN first_start ON f = u`);
  return join([engine.named("first_start", "small", first), engine.named("returned", "small", all)], ", ");
}

/** The bit of the cell in which a return at `t` lies, of a user who entered cohort `c` at `s`; 0 after the last cell. */
function cellBit(engine: SqlEngine, question: FirstEverRetentionQuestion): Fragment {
  const { cohorts, periodStarts, periods, counting, returnRule } = question;
  const beyond = returnRule === "on" ? sql`0` : engine.powerOfTwo(trusted(String(periods)));
  const within = (cell: Fragment) =>
    sql`CASE WHEN ${cell} <= ${trusted(String(periods))} THEN ${engine.powerOfTwo(cell)} ELSE ${beyond} END`;
  if (counting.kind === "rolling") return within(engine.divide(sql`(t - s)`, sql`${int64(counting.unitUs)}`));
  const endUs = periodStarts[cohorts + periods]!;
  const cell = sql`(${bucketOf(engine, trusted("t"), periodStarts.slice(0, cohorts + periods), endUs)} - c)`;
  return sql`CASE WHEN t < ${int64(endUs)} THEN ${within(cell)} ELSE ${beyond} END`;
}

function readGrid(table: Table | undefined, cohorts: number, periods: number): RetentionAnswer {
  const rowOf = new Map([...numbers(table, 0)].map((cohort, row) => [cohort, row]));
  return {
    cohorts: Array.from({ length: cohorts }, (_, cohort) => {
      const row = rowOf.get(cohort);
      const column = (index: number) => (row === undefined ? 0 : numbers(table, index)[row]!);
      return {
        size: column(1),
        retained: Array.from({ length: periods + 1 }, (_, cell) => column(3 + cell)),
        ...(row === undefined ? {} : { lastStartUs: column(2) }),
      };
    }),
  };
}
