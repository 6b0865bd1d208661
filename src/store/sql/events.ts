import type { EventsAnswer, EventsQuestion } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, join, sql } from "./fragment.ts";
import { beyond, listOrder } from "./keyset.ts";
import { maps, numbers, type Plan, plan, rows, texts } from "./plan.ts";
import { fromSelected } from "./selection.ts";

/** A page of events, newest first, after a cursor. */
export function events(engine: SqlEngine, question: EventsQuestion): Plan<EventsAnswer> {
  const { selection, userId, after, limit } = question;
  const order = listOrder(engine);
  const further: Fragment[] = [];
  if (userId !== undefined) further.push(engine.isUser(selection.project, userId));
  if (after !== undefined) further.push(beyond(engine, "<", after));
  const columns = [
    ...order,
    engine.textField("session_id"),
    engine.textField("name"),
    engine.textField("event_type"),
    engine.textField("source"),
    engine.timeField("received_time"),
    engine.column("properties"),
    engine.column("measures"),
  ];
  const descending = order.map((column) => sql`${column} DESC`);
  const statement = sql`
    SELECT ${join(columns, ", ")} ${fromSelected(engine, selection, further)}
    ORDER BY ${join(descending, ", ")} LIMIT ${int64(limit)}`;
  return plan(engine, [statement], ([table]) => ({
    events: rows(table, (i) => ({
      timestampUs: numbers(table, 0)[i]!,
      id: texts(table, 1)[i] ?? "",
      userId: texts(table, 2)[i] ?? "",
      partition: numbers(table, 3)[i]!,
      offset: numbers(table, 4)[i]!,
      sessionId: texts(table, 5)[i] ?? "",
      name: texts(table, 6)[i] ?? "",
      eventType: texts(table, 7)[i] ?? "",
      source: texts(table, 8)[i] ?? "",
      receivedUs: numbers(table, 9)[i]!,
      properties: maps<string>(table, 10)[i]!,
      measures: maps<number>(table, 11)[i]!,
    })),
  }));
}
