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
  const user = engine.column("user_key");
  const time = engine.timeField("timestamp");
  const reach = reachOf(question);
  const bit = (condition: Fragment) => sql`CASE WHEN ${condition} THEN 1 ELSE 0 END`;
  // Counting is much cheaper than adding up.
  const atStart = (also: Fragment) => sql`count(CASE WHEN t = s${also} THEN 1 END)`;
  const covered = surelyCovers(returns, start);
  const isR = covered ? sql`` : sql` AND r = 1`;
  /** `more` adds columns. */
  const users = (more: Fragment) => sql`
    SELECT k, ${engine.anyBits(sql`CASE WHEN t > s${isR} THEN ${cellBit(engine, question)} ELSE 0 END`)} AS cells, ${more}
    FROM (
      SELECT ${user} AS k, ${time} AS t${covered ? sql`` : sql`, ${bit(isStart)} AS a, ${bit(isReturn)} AS r`}
      ${fromSelected(engine, reach, [covered ? isReturn : sql`(${isStart} OR ${isReturn})`])}
    ) AS events_of JOIN entered ON k = u WHERE t >= s GROUP BY k`;
  const all = (again: Fragment, also: Fragment) =>
    engine.named(
      "returned",
      "small",
      sql`SELECT u, c, s, cells, ${again} AS again FROM counted JOIN entered ON u = k${also}`,
    );
  // Whether the start event is a return itself, which does not count, is plain in most questions.
  const own = covered ? 1 : surelyApart(returns, start) ? 0 : undefined;
  if (own !== undefined) {
    const counted = engine.named("counted", "small", users(sql`${atStart(isR)} AS n`));
    return sql`${counted}, ${all(sql`n > ${trusted(String(own))}`, sql``)}`;
  }
  // Else it is only where one return of that time is a start event, and another start event is none: then ids tell which
  // was first. Few users have that, so that hardly an id is read.
  const counts = sql`
    ${atStart(isR)} AS n, ${atStart(sql` AND r = 1 AND a = 1`)} AS both_n, ${atStart(sql` AND r = 0`)} AS start_n`;
  const unclear = sql`SELECT u, s FROM counted JOIN entered ON u = k WHERE n = 1 AND both_n = 1 AND start_n > 0`;
  const first = sql`
    SELECT ${user} AS f, ${engine.firstBy(bit(isReturn), eventOrder(engine))} AS own
    ${fromSelected(engine, reach, [isStart, sql`(${user}, ${time}) IN (${unclear})`])} GROUP BY ${user}`;
  const again = sql`n > 1 OR n = 1 AND (both_n = 0 OR start_n > 0 AND own = 0)`;
  return join(
    [
      engine.named("counted", "small", users(counts)),
      engine.named("first_start", "small", first),
      all(again, sql` LEFT JOIN first_start ON f = u`),
    ],
    ", ",
  );
}

/** Most cells that a bit of 64 stands for. */
const maxBits = 62;

/** The bit of the cell in which a return at `t` lies, of a user who entered cohort `c` at `s`. */
function cellBit(engine: SqlEngine, question: FirstEverRetentionQuestion): Fragment {
  const { cohorts, periodStarts, periods, counting, returnRule } = question;
  const beyond = returnRule === "on" ? sql`0` : engine.powerOfTwo(trusted(String(periods)));
  const within = (cell: Fragment) =>
    sql`CASE WHEN ${cell} <= ${trusted(String(periods))} THEN ${engine.powerOfTwo(cell)} ELSE ${beyond} END`;
  if (counting.kind === "rolling") return within(engine.divide(sql`(t - s)`, sql`${int64(counting.unitUs)}`));
  const endUs = periodStarts[cohorts + periods]!;
  const cell = sql`(${bucketOf(engine, trusted("t"), periodStarts.slice(0, cohorts + periods), endUs)} - c)`;
  // No event lies after the last cell, and a bit for each period is more than there are cells.
  if (returnRule === "on" && cohorts + periods <= maxBits) return engine.powerOfTwo(cell);
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
