import type { DuckDBDataChunk, DuckDBResult, DuckDBVector } from "@duckdb/node-api";
import type { Rows } from "../../sequence/sequence.ts";
import type { Feed, FeedColumn } from "../sql/sequences/feed.ts";
import { orderById } from "../sql/sequences/id-order.ts";
import { createMachine } from "../sql/sequences/machine.ts";
import type { SequenceResult, SequenceTask } from "../sql/sequences/plan.ts";

/**
 * Runs a state machine over the rows of a streamed result, chunk by chunk.
 *
 * @param next called before each chunk: it throws where the question was cancelled
 */
export async function runMachine(
  task: SequenceTask,
  feed: Feed,
  result: DuckDBResult,
  next: () => void,
): Promise<SequenceResult> {
  const machine = createMachine(task, compareCodes);
  const ordered = feed.byId ? orderById(machine.push) : undefined;
  for await (const chunk of chunksAhead(result)) {
    next();
    const rows = rowsOf(chunk, feed.columns);
    if (ordered) ordered.push(rows, idsOf(chunk, feed.columns.length));
    else machine.push(rows);
  }
  ordered?.end();
  return machine.finish();
}

/** The next chunk is fetched, on another thread, while one is worked on. */
async function* chunksAhead(result: DuckDBResult): AsyncGenerator<DuckDBDataChunk> {
  let coming = result.fetchChunk();
  try {
    for (;;) {
      const chunk = await coming;
      if (chunk === null || chunk.rowCount === 0) return;
      coming = result.fetchChunk();
      yield chunk;
    }
  } finally {
    // Whoever leaves early must not leave a fetch behind on the connection.
    await coming.catch(() => {});
  }
}

/** The dictionary numbers them in the order of their texts. */
const compareCodes = (a: number, b: number) => a - b;

type Numbers = Int32Array | Float64Array;

const noMasks = new Uint32Array();

/** The chunk's own memory, which lives as long as the vectors that the arrays belong to. */
function rowsOf(chunk: DuckDBDataChunk, columns: readonly FeedColumn[]): Rows {
  const arrays = columns.map((column, i) => {
    const items = itemsOf(chunk.getColumnVector(i));
    const bits = column === "masks" || column === "excluded";
    return [column, bits ? new Uint32Array(items.buffer, items.byteOffset, items.length) : items];
  });
  return { length: chunk.rowCount, masks: noMasks, ...Object.fromEntries(arrays) } as Rows;
}

/** No column has NULL, so a vector's items are its values; asking for each of them takes longer than the machine. */
function itemsOf(vector: DuckDBVector): Numbers {
  const { items } = vector as unknown as { items: unknown };
  if (items instanceof Int32Array || items instanceof Float64Array) return items;
  throw new TypeError(`a feed has no column of type ${vector.type}`);
}

/** Reads an event's id where it is needed, which is seldom: a canonical UUID has no text in the store. */
function idsOf(chunk: DuckDBDataChunk, firstColumn: number): (row: number) => string {
  return (row) => {
    const [uuids, texts] = [chunk.getColumnVector(firstColumn), chunk.getColumnVector(firstColumn + 1)];
    return String(texts.getItem(row) ?? uuids.getItem(row));
  };
}
