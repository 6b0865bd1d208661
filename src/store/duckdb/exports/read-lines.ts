import { DuckDBBlobVector, type DuckDBDataChunk, type DuckDBResult } from "@duckdb/node-api";
import { maxPieceBytes } from "../../exports.ts";
import type { EventCursor } from "../../questions.ts";
import type { LinesPage } from "../../sql/exports/pages.ts";

/**
 * Reads lines of a streamed result until they have `maxBytes`. Beyond that there may be the rest of a chunk.
 *
 * @param next called before each chunk: it throws where the export was cancelled
 */
export async function readLines(
  result: DuckDBResult,
  maxBytes: number,
  next: () => void,
): Promise<LinesPage> {
  const pieces = createPieces();
  let rows = 0;
  let last: EventCursor | undefined;
  while (pieces.bytes < maxBytes) {
    next();
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return page(false);
    const lines = chunk.getColumnVector(0);
    if (!(lines instanceof DuckDBBlobVector)) throw new Error("an export's lines are no bytes");
    for (let row = 0; row < chunk.rowCount; row++) pieces.add(lines.getItemBytes(row)!);
    rows += chunk.rowCount;
    last = cursorOf(chunk, chunk.rowCount - 1);
  }
  return page(true);

  function page(cut: boolean): LinesPage {
    return { pieces: pieces.finish(), bytes: pieces.bytes, rows, ...(last ? { last } : {}), cut };
  }
}

function cursorOf(chunk: DuckDBDataChunk, row: number): EventCursor {
  const valueAt = (column: number) => chunk.getColumnVector(column).getItem(row);
  return {
    timestampUs: Number(valueAt(1)),
    id: String(valueAt(2)),
    userId: String(valueAt(3)),
    partition: Number(valueAt(4)),
    offset: Number(valueAt(5)),
  };
}

/** Gathers bytes into pieces, each with a buffer of its own that can be given to another thread. */
function createPieces() {
  const pieces: Uint8Array[] = [];
  let open = new Uint8Array(maxPieceBytes);
  let used = 0;
  return {
    get bytes() {
      return pieces.length * maxPieceBytes + used;
    },
    add(bytes: Uint8Array): void {
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + maxPieceBytes - used);
        open.set(part, used);
        at += part.length;
        used += part.length;
        if (used < maxPieceBytes) continue;
        pieces.push(open);
        open = new Uint8Array(maxPieceBytes);
        used = 0;
      }
    },
    finish: (): Uint8Array[] => (used === 0 ? pieces : [...pieces, open.slice(0, used)]),
  };
}
