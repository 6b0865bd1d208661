import { type ExportQuestion, maxPieceBytes } from "../exports.ts";
import type { EventCursor } from "../questions.ts";
import type { Slots } from "../slots.ts";
import type { SqlEngine } from "../sql/engine.ts";
import { type ExportRunner, exportLines, type LinesPage } from "../sql/exports/pages.ts";
import { join, render, type Statement, sql } from "../sql/fragment.ts";
import { numbers, texts } from "../sql/plan.ts";
import { fromSelected } from "../sql/selection.ts";
import type { AskOptions, EventStore } from "../store.ts";
import { type BoundQuery, bind } from "./bind.ts";
import type { Connection, QueryOptions } from "./connection.ts";
import { questionError } from "./failures.ts";
import type { NativeBlock } from "./native/blocks.ts";
import { tableOf } from "./native/table.ts";
import type { Reader } from "./reader.ts";

export interface ExportsOptions {
  readonly connection: Connection;
  readonly reader: Reader;
  readonly engine: () => SqlEngine;
  readonly positions: () => readonly number[];
  /** Turns of what exports ask. */
  readonly slots: Slots;
}

/** Rows of one block of lines, which are held at once. */
const blockRows = 1024;

/** Lines come page by page, a Parquet file in one stream that goes on as it is read. */
export function createExports({
  connection,
  reader,
  engine,
  positions,
  slots,
}: ExportsOptions): EventStore["export"] {
  function run<T>(asked: AskOptions, work: (options: QueryOptions) => Promise<T>): Promise<T> {
    return slots.run(() => reader.run(asked.deadline, work), asked);
  }

  return (question, asked) => {
    if (question.format === "parquet") return parquet(question, asked);
    const runner: ExportRunner = {
      table: (make) => run(asked, (options) => connection.table(bind(make(engine())), options)),
      lines: (make, maxBytes) =>
        run(asked, (options) => {
          const { query, params } = bind(make(engine()));
          const streamed = { query: `${query} SETTINGS max_block_size = ${blockRows}`, params };
          return readLines(connection.blocks(streamed, { ...options, streamed: true }), maxBytes);
        }),
    };
    return exportLines(runner, { selection: question.selection, offsets: positions() }, question.format);
  };

  async function* parquet(question: ExportQuestion, asked: AskOptions): AsyncGenerator<Uint8Array> {
    const file = connection.bytes(parquetQuery(engine(), question), { signal: asked.signal, streamed: true });
    try {
      for await (const piece of file) {
        for (let at = 0; at < piece.length; at += maxPieceBytes) yield piece.subarray(at, at + maxPieceBytes);
      }
    } catch (error) {
      throw questionError(error);
    }
  }
}

/** Reads lines until they have `maxBytes`; beyond that there may be the rest of a block. */
async function readLines(blocks: AsyncIterable<NativeBlock>, maxBytes: number): Promise<LinesPage> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  let rows = 0;
  let last: EventCursor | undefined;
  for await (const block of blocks) {
    if (block.rowCount === 0) continue;
    if (bytes >= maxBytes) return { pieces, bytes, rows, ...(last ? { last } : {}), cut: true };
    const { columns } = tableOf([block]);
    const text = Buffer.from((columns[0] as readonly string[]).join(""));
    for (let at = 0; at < text.length; at += maxPieceBytes)
      pieces.push(text.subarray(at, at + maxPieceBytes));
    bytes += text.length;
    rows += block.rowCount;
    last = cursorOf({ rowCount: block.rowCount, columns }, block.rowCount - 1);
  }
  return { pieces, bytes, rows, ...(last ? { last } : {}), cut: false };
}

function cursorOf(table: ReturnType<typeof tableOf>, row: number): EventCursor {
  return {
    timestampUs: numbers(table, 1)[row]!,
    id: texts(table, 2)[row]!,
    userId: texts(table, 3)[row]!,
    partition: numbers(table, 4)[row]!,
    offset: numbers(table, 5)[row]!,
  };
}

function parquetQuery(engine: SqlEngine, { selection }: ExportQuestion): BoundQuery {
  const time = (name: "timestamp" | "received_time") =>
    sql`fromUnixTimestamp64Micro(${engine.timeField(name)}, 'UTC')`;
  const text = (name: "id" | "user_id" | "session_id" | "event_type" | "name" | "source") =>
    sql`CAST(${engine.textField(name)} AS String)`;
  const columns = [
    sql`${text("id")} AS id`,
    sql`${text("user_id")} AS user_id`,
    sql`${text("session_id")} AS session_id`,
    sql`${text("event_type")} AS event_type`,
    sql`${text("name")} AS name`,
    sql`${time("timestamp")} AS timestamp`,
    sql`${text("source")} AS source`,
    sql`${time("received_time")} AS received_time`,
    sql`mapSort(properties) AS properties`,
    sql`mapSort(measures) AS measures`,
  ];
  const query: Statement = render(
    sql`SELECT ${join(columns, ", ")} ${fromSelected(engine, selection)}`,
    (index, type) => engine.placeholder(index, type),
  );
  const { query: text_, params } = bind(query);
  return { query: `${text_} SETTINGS output_format_parquet_string_as_string = 1 FORMAT Parquet`, params };
}
