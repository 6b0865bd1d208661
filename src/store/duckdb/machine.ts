import type { DuckDBDataChunk, DuckDBResult } from "@duckdb/node-api";
import { createFunnel } from "../../sequence/funnel.ts";
import type { Machine, Rows } from "../../sequence/sequence.ts";
import type { SequenceResult, SequenceTask } from "../sql/feed.ts";

/**
 * Runs a state machine over the rows of a streamed result, chunk by chunk.
 *
 * @param next called before each chunk: it throws where the question was cancelled
 */
export async function runMachine(
  task: SequenceTask,
  result: DuckDBResult,
  next: () => void,
): Promise<SequenceResult> {
  const machine = machineOf(task);
  for (;;) {
    next();
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return machine.finish();
    machine.push(rowsOf(chunk));
  }
}

function machineOf({ question, groupLimit }: SequenceTask): Machine<SequenceResult> {
  if (groupLimit === undefined) return createFunnel(question);
  return createFunnel({ ...question, breakdown: { limit: groupLimit, compareCodes: (a, b) => a - b } });
}

function rowsOf(chunk: DuckDBDataChunk): Rows {
  const length = chunk.rowCount;
  return {
    length,
    users: fill(new Int32Array(length), chunk, 0),
    times: fill(new Float64Array(length), chunk, 1),
    masks: fill(new Uint32Array(length), chunk, 2),
    excluded: fill(new Uint32Array(length), chunk, 3),
    values: fill(new Int32Array(length), chunk, 4),
  };
}

function fill<T extends Int32Array | Uint32Array | Float64Array>(
  array: T,
  chunk: DuckDBDataChunk,
  column: number,
): T {
  const vector = chunk.getColumnVector(column);
  for (let i = 0; i < array.length; i++) array[i] = vector.getItem(i) as number;
  return array;
}
