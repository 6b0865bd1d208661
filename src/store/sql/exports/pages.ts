import { WeirError } from "../../../domain/errors.ts";
import type { EventCursor } from "../../questions.ts";
import type { SqlEngine } from "../engine.ts";
import type { Statement } from "../fragment.ts";
import type { Table } from "../plan.ts";
import { headers, type LineFormat } from "./lines.ts";
import {
  type Exported,
  pageStatement,
  partsStatement,
  readParts,
  readWhole,
  type Slice,
  wholeStatement,
} from "./slices.ts";

/** Lines that one statement gave. */
export interface LinesPage {
  /** Their bytes in order, each piece at most maxPieceBytes. */
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
  readonly rows: number;
  /** The last line's event; absent without lines. */
  readonly last?: EventCursor;
  /** Whether further rows were left out for the number of bytes. */
  readonly cut: boolean;
}

/** How an engine runs what an export asks, each statement on the state of the data of its own time. */
export interface ExportRunner {
  table(make: (engine: SqlEngine) => Statement): Promise<Table>;
  /** Reads lines (see pageStatement) until they have about so many bytes. */
  lines(make: (engine: SqlEngine) => Statement, maxBytes: number): Promise<LinesPage>;
}

/** Bytes that a page should have. One that turns out to have twice as many is cut. */
const pageBytes = 4 * 1024 ** 2;
const mostRows = 16_384;
const fewestRows = 256;
const firstRows = 2048;

/**
 * Pieces of a file of lines. Between two pieces nothing is held in the store, however long the reader takes: what came
 * later is told by its place on the log, and what was removed meanwhile by the number of rows.
 *
 * @throws WeirError ABORTED/ROWS_REMOVED; what the runner throws
 */
export async function* exportLines(
  runner: ExportRunner,
  exported: Exported,
  format: LineFormat,
): AsyncGenerator<Uint8Array> {
  const whole = readWhole(await runner.table((engine) => wholeStatement(engine, exported)));
  if (headers[format] !== "") yield new TextEncoder().encode(headers[format]);
  /** What is left, the earliest last. */
  const left = whole === undefined ? [] : [whole];
  let limit = firstRows;
  for (let slice = next(left, limit); slice !== undefined; slice = next(left, limit)) {
    if (slice.rows > limit && slice.endUs - slice.startUs > 1) {
      const cut = slice;
      const parts = readParts(await runner.table((engine) => partsStatement(engine, exported, cut)), cut);
      if (parts.reduce((sum, { rows }) => sum + rows, 0) !== cut.rows) throw removed();
      left.push(...parts.reverse());
      continue;
    }
    for (let after: EventCursor | undefined; slice.rows > 0; ) {
      const page = { slice, after, limit };
      const answer = await runner.lines(
        (engine) => pageStatement(engine, exported, format, page),
        2 * pageBytes,
      );
      if (!answer.cut && answer.rows !== Math.min(slice.rows, limit)) throw removed();
      yield* answer.pieces;
      after = answer.last;
      slice = { ...slice, rows: slice.rows - answer.rows };
      limit = rowsNext(limit, answer);
    }
  }
}

/** Takes the earliest slice, and with it those after it as long as they have at most `limit` rows together. */
function next(left: Slice[], limit: number): Slice | undefined {
  let slice = left.pop();
  for (let more = left.at(-1); slice && more && slice.rows + more.rows <= limit; more = left.at(-1)) {
    left.pop();
    slice = { startUs: slice.startUs, endUs: more.endUs, rows: slice.rows + more.rows };
  }
  return slice;
}

/** Rows of the next page: as many as should have pageBytes, but at most twice as many as before. */
function rowsNext(limit: number, { bytes, rows }: LinesPage): number {
  const fitting = Math.floor((pageBytes * rows) / Math.max(bytes, 1));
  return Math.max(fewestRows, Math.min(fitting, 2 * limit, mostRows));
}

function removed(): WeirError {
  const message = "rows that the export has not reached yet were removed by retention; export again";
  return new WeirError("ABORTED", "ROWS_REMOVED", message, { retryDelayMs: 1000 });
}
