import type { UserAnswer, UserQuestion } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, sql, trusted } from "./fragment.ts";
import { numbers, type Plan, plan, rows, texts } from "./plan.ts";
import { revenueOf, transactionsOf } from "./revenue.ts";
import { fromSelected } from "./selection.ts";
import { readBounds } from "./summary.ts";
import { readSessions, userSessions } from "./user-sessions.ts";

/** Keys of properties that a profile shows. */
const profileKeys = 100;
/** A quarter of a day, in microseconds; see UserAnswer.activityUs. */
const quarterDayUs = 21_600_000_000;

export function user(engine: SqlEngine, question: UserQuestion): Plan<UserAnswer> {
  const { selection, userId, topLimit, sessionGapUs, sessionLimit } = question;
  const [timestamp, name] = [engine.timeField("timestamp"), engine.textField("name")];
  const own = [engine.isUser(selection.project, userId)];
  const from = fromSelected(engine, selection, own);
  const totals = sql`SELECT count(*), min(${timestamp}), max(${timestamp}), ${transactionsOf(engine)} ${from}`;
  const names = sql`
    SELECT ${name}, count(*) AS n ${from}
    GROUP BY ${name} ORDER BY n DESC, ${name} LIMIT ${int64(topLimit)}`;
  const quarter = engine.divide(timestamp, sql`${int64(quarterDayUs)}`);
  const activity = sql`
    SELECT ${quarter} AS q, min(${timestamp}), max(${timestamp}) ${from} GROUP BY q ORDER BY q`;
  const statements = [
    totals,
    names,
    lastProperties(engine, from),
    userSessions(engine, from, sessionGapUs, sessionLimit),
    activity,
    revenueOf(engine, selection, own),
  ];
  return plan(engine, statements, ([total, top, profile, sessions, quarters, revenue]) => ({
    events: numbers(total, 0)[0]!,
    ...readBounds(total, 1),
    eventsByName: rows(top, (i) => ({ name: texts(top, 0)[i] ?? "", events: numbers(top, 1)[i]! })),
    properties: Object.fromEntries(
      rows(profile, (i) => [texts(profile, 0)[i] ?? "", texts(profile, 1)[i] ?? ""]),
    ),
    ...readSessions(sessions),
    activityUs: rows(quarters, (i) => [numbers(quarters, 1)[i]!, numbers(quarters, 2)[i]!]).flat(),
    transactions: numbers(total, 3)[0]!,
    revenue: rows(revenue, (i) => ({
      currency: texts(revenue, 0)[i] ?? "",
      amount: numbers(revenue, 1)[i]!,
    })),
  }));
}

/** Of each property its last value. */
function lastProperties(engine: SqlEngine, from: Fragment): Fragment {
  const last = engine.lastBy(trusted("value"), [trusted("t"), trusted("id"), trusted("p"), trusted("o")]);
  return sql`
    SELECT key, ${last} FROM (
      SELECT ${engine.propertyRows()}, ${engine.timeField("timestamp")} AS t, ${engine.textField("id")} AS id,
        ${engine.column("partition")} AS p, ${engine.column("offset")} AS o ${from}
    ) AS entries GROUP BY key ORDER BY key LIMIT ${int64(profileKeys)}`;
}
