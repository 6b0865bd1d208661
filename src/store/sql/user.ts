import type { UserAnswer, UserQuestion } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { int64, sql, text, trusted } from "./fragment.ts";
import { numbers, type Plan, plan, rows, texts } from "./plan.ts";
import { fromSelected } from "./selection.ts";
import { countByType, readBounds, readTypes } from "./summary.ts";

/** Keys of properties that a profile shows. */
const profileKeys = 100;

export function user(engine: SqlEngine, question: UserQuestion): Plan<UserAnswer> {
  const { selection, userId, topLimit } = question;
  const [timestamp, name] = [engine.timeField("timestamp"), engine.textField("name")];
  const own = [sql`${engine.textField("user_id")} = ${text(userId)}`];
  const from = fromSelected(engine, selection, own);
  const totals = sql`SELECT count(*), min(${timestamp}), max(${timestamp}) ${from}`;
  const names = sql`
    SELECT ${name}, count(*) AS n ${from}
    GROUP BY ${name} ORDER BY n DESC, ${name} LIMIT ${int64(topLimit)}`;
  const last = engine.lastBy(trusted("value"), [trusted("t"), trusted("id"), trusted("p"), trusted("o")]);
  const properties = sql`
    SELECT key, ${last} FROM (
      SELECT ${engine.propertyRows()}, ${timestamp} AS t, ${engine.textField("id")} AS id,
        ${engine.column("partition")} AS p, ${engine.column("offset")} AS o ${from}
    ) AS entries GROUP BY key ORDER BY key LIMIT ${int64(profileKeys + 1)}`;
  const statements = [totals, countByType(engine, selection, own), names, properties];
  return plan(engine, statements, ([total, types, top, profile]) => ({
    events: numbers(total, 0)[0]!,
    ...readBounds(total, 1),
    eventsByType: readTypes(types),
    eventsByName: rows(top, (i) => ({ name: texts(top, 0)[i] ?? "", events: numbers(top, 1)[i]! })),
    properties: Object.fromEntries(
      rows(profile, (i) => [texts(profile, 0)[i] ?? "", texts(profile, 1)[i] ?? ""]).slice(0, profileKeys),
    ),
    propertiesTruncated: (profile?.rowCount ?? 0) > profileKeys,
  }));
}
