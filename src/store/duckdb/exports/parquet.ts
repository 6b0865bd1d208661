import type { ExportQuestion } from "../../exports.ts";
import type { SqlEngine } from "../../sql/engine.ts";
import { join, render, type Statement, sql, trusted } from "../../sql/fragment.ts";
import { fromSelected } from "../../sql/selection.ts";
import type { Layout } from "../layout.ts";
import { quoted } from "../quoted.ts";
import { mapColumn } from "../texts.ts";

/**
 * A row group is written once it has so many bytes, which bounds what each thread holds of the file; with few columns
 * DuckDB's own bound of 122,880 rows comes first.
 */
const rowGroupBytes = "32MB";

/** Writes the selection to a Parquet file. Unordered: a sort would take several times the file's size on the disk. */
export function copyToParquet(
  engine: SqlEngine,
  layout: Layout,
  { selection }: ExportQuestion,
  file: string,
): Statement {
  const time = (name: "timestamp" | "received_time") => sql`make_timestamptz(${engine.timeField(name)})`;
  const columns = [
    sql`${engine.textField("id")} AS id`,
    ...(["user_id", "session_id", "event_type", "name"] as const).map((name) => engine.textField(name)),
    sql`${time("timestamp")} AS "timestamp"`,
    engine.textField("source"),
    sql`${time("received_time")} AS received_time`,
    sql`${mapColumn(layout, "properties")} AS properties`,
    sql`${mapColumn(layout, "measures")} AS measures`,
  ];
  const query = sql`SELECT ${join(columns, ", ")} ${fromSelected(engine, selection)}`;
  const options = `FORMAT PARQUET, COMPRESSION ZSTD, ROW_GROUP_SIZE_BYTES '${rowGroupBytes}', USE_TMP_FILE FALSE`;
  const copy = sql`COPY (${query}) TO ${trusted(quoted(file))} (${trusted(options)})`;
  return render(copy, (index, type) => engine.placeholder(index, type));
}
