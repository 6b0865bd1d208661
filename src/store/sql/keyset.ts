/** The order of lists of events, and going on in it after an event: no page costs more for those before it. */
import type { EventCursor } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, type Param, sql, text } from "./fragment.ts";

/** An event's place in a list: by timestamp, id and user_id; the rest tells rows of one identity apart. */
export function listOrder(engine: SqlEngine): Fragment[] {
  return [
    engine.timeField("timestamp"),
    engine.textField("id"),
    engine.textField("user_id"),
    engine.column("partition"),
    engine.column("offset"),
  ];
}

/** Whether an event comes before (`<`) or after (`>`) the cursor in the order of listOrder. */
export function beyond(engine: SqlEngine, op: "<" | ">", cursor: EventCursor): Fragment {
  const { timestampUs, id, userId, partition, offset } = cursor;
  const values = [int64(timestampUs), text(id), text(userId), int64(partition), int64(offset)];
  const order = listOrder(engine);
  const [timestamp, time] = [order[0]!, values[0]!];
  // The first condition follows from the second; alone it lets an engine skip what lies on the other side.
  const near = op === "<" ? sql`${timestamp} <= ${time}` : sql`${timestamp} >= ${time}`;
  return sql`${near} AND ${compared(op, order, values)}`;
}

/** Whether the columns, compared one after the other, come before or after the values. */
function compared(op: "<" | ">", columns: readonly Fragment[], values: readonly Param[]): Fragment {
  const [column, ...moreColumns] = columns;
  const [value, ...moreValues] = values;
  if (column === undefined || value === undefined) return sql`1 = 0`;
  const further = op === "<" ? sql`${column} < ${value}` : sql`${column} > ${value}`;
  if (moreColumns.length === 0) return further;
  return sql`(${further} OR (${column} = ${value} AND ${compared(op, moreColumns, moreValues)}))`;
}
