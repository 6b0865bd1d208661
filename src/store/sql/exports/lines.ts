/** Lines of an export, made by the engine: one event each, as bytes. */
import type { SqlEngine } from "../engine.ts";
import { type Fragment, join, sql, trusted } from "../fragment.ts";

export type LineFormat = "ndjson" | "csv";

/** What stands before the first event. */
export const headers: Readonly<Record<LineFormat, string>> = {
  ndjson: "",
  csv: "id,user_id,session_id,event_type,name,timestamp,source,received_time,properties,measures\r\n",
};

export function lineOf(engine: SqlEngine, format: LineFormat): Fragment {
  const parts = format === "ndjson" ? ndjson(engine) : csv(engine);
  return engine.utf8(sql`concat(${join(parts, ", ")})`);
}

/** An Event in proto JSON, all its fields but the payload. */
function ndjson(engine: SqlEngine): Fragment[] {
  const field = (name: "id" | "user_id" | "session_id" | "name" | "source") =>
    engine.jsonText(engine.textField(name));
  return [
    sql`'{"id":'`,
    field("id"),
    sql`',"user_id":'`,
    field("user_id"),
    sql`',"session_id":'`,
    field("session_id"),
    sql`',"event_type":"'`,
    eventTypeName(engine),
    sql`'","name":'`,
    field("name"),
    sql`',"timestamp":"'`,
    engine.rfc3339(engine.timeField("timestamp")),
    sql`'","source":'`,
    field("source"),
    sql`',"properties":'`,
    engine.jsonMap("properties"),
    sql`',"measures":'`,
    engine.jsonMap("measures"),
    sql`'}\n'`,
  ];
}

/** Name of the value of the contract's EventType. */
function eventTypeName(engine: SqlEngine): Fragment {
  const names = ["user", "transaction", "system"].map((type) =>
    trusted(`WHEN '${type}' THEN 'EVENT_TYPE_${type.toUpperCase()}'`),
  );
  return sql`CASE ${engine.textField("event_type")} ${join(names, " ")} ELSE 'EVENT_TYPE_CUSTOM' END`;
}

/** Cells by RFC 4180; those of any text stand in quotes. */
function csv(engine: SqlEngine): Fragment[] {
  const quoted = (value: Fragment) => sql`concat('"', replace(${value}, '"', '""'), '"')`;
  const cells = [
    quoted(engine.textField("id")),
    quoted(engine.textField("user_id")),
    quoted(engine.textField("session_id")),
    engine.textField("event_type"),
    quoted(engine.textField("name")),
    engine.rfc3339(engine.timeField("timestamp")),
    quoted(engine.textField("source")),
    engine.rfc3339(engine.timeField("received_time")),
    quoted(engine.jsonMap("properties")),
    quoted(engine.jsonMap("measures")),
  ];
  return [join(cells, ", ',', "), sql`'\r\n'`];
}
