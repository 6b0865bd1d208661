/** An export's rows in slices of time, so that only so many are sorted and held at once. */
import type { EventCursor, Selection } from "../../questions.ts";
import type { SqlEngine } from "../engine.ts";
import { type Fragment, int64, join, render, type Statement, sql } from "../fragment.ts";
import { beyond, listOrder } from "../keyset.ts";
import { numbers, type Table } from "../plan.ts";
import { fromSelected } from "../selection.ts";
import { type LineFormat, lineOf } from "./lines.ts";

/** Rows with a timestamp in [startUs, endUs), of those that the export has. */
export interface Slice {
  readonly startUs: number;
  readonly endUs: number;
  readonly rows: number;
}

/** What an export has: the selection's events that were applied when it began, however many come while it goes on. */
export interface Exported {
  readonly selection: Selection;
  /** For each partition the offset of the first record that had not been applied. */
  readonly offsets: readonly number[];
}

/** Parts that a slice is cut into at once. */
const parts = 4096;

/** Bounds and number of all rows. */
export function wholeStatement(engine: SqlEngine, exported: Exported): Statement {
  const timestamp = engine.timeField("timestamp");
  return rendered(
    engine,
    sql`SELECT min(${timestamp}), max(${timestamp}), count(*) ${from(engine, exported)}`,
  );
}

/** Undefined where there are no rows. */
export function readWhole(table: Table): Slice | undefined {
  const [startUs, lastUs, rows] = [0, 1, 2].map((column) => numbers(table, column)[0]!) as [
    number,
    number,
    number,
  ];
  return rows === 0 ? undefined : { startUs, endUs: lastUs + 1, rows };
}

/** How many rows each part of a slice has. */
export function partsStatement(engine: SqlEngine, exported: Exported, slice: Slice): Statement {
  const since = sql`${engine.timeField("timestamp")} - ${int64(slice.startUs)}`;
  const part = engine.divide(sql`(${since})`, sql`${int64(widthOf(slice))}`);
  return rendered(
    engine,
    sql`SELECT ${part} AS part, count(*) ${from(engine, exported, slice)} GROUP BY part ORDER BY part`,
  );
}

/** Those parts that have rows, in their order. */
export function readParts(table: Table, slice: Slice): Slice[] {
  const [part, rows] = [numbers(table, 0), numbers(table, 1)];
  const width = widthOf(slice);
  return Array.from(part, (number, i) => {
    const startUs = slice.startUs + number * width;
    return { startUs, endUs: Math.min(startUs + width, slice.endUs), rows: rows[i]! };
  });
}

/** In microseconds, at least 1. */
function widthOf({ startUs, endUs }: Slice): number {
  return Math.ceil((endUs - startUs) / parts);
}

export interface PageQuestion {
  readonly slice: Slice;
  /** Goes on after this event. */
  readonly after?: EventCursor | undefined;
  readonly limit: number;
}

/** Lines of a slice in their order, each with the columns of listOrder behind it. */
export function pageStatement(
  engine: SqlEngine,
  exported: Exported,
  format: LineFormat,
  page: PageQuestion,
): Statement {
  const { slice, after, limit } = page;
  const order = join(listOrder(engine), ", ");
  const rows = from(engine, exported, slice, after);
  // Where there are more rows, the limit is to come before their lines are made.
  const limited = sql`FROM (SELECT * ${rows} ORDER BY ${order} LIMIT ${int64(limit)}) AS e`;
  const source = slice.rows > limit ? limited : rows;
  return rendered(engine, sql`SELECT ${lineOf(engine, format)}, ${order} ${source} ORDER BY ${order}`);
}

function from(
  engine: SqlEngine,
  { selection, offsets }: Exported,
  slice?: Slice,
  after?: EventCursor,
): Fragment {
  const within =
    slice === undefined ? selection : { ...selection, startUs: slice.startUs, endUs: slice.endUs };
  const further = [engine.isBefore(offsets)];
  if (after !== undefined) further.push(beyond(engine, ">", after));
  return fromSelected(engine, within, further);
}

function rendered(engine: SqlEngine, fragment: Fragment): Statement {
  return render(fragment, (index, type) => engine.placeholder(index, type));
}
