/** Finds where in the log a time begins, by the times at which its blocks were made. */
import { type Block, blockTime } from "../domain/record/block.ts";
import type { LogReader } from "../log/log.ts";

export interface Located {
  /** For each partition the offset from which on every record received at `fromMs` or later is found. */
  readonly positions: number[];
  /** Records that were received before this and after `fromMs` may be missing; absent where none are. */
  readonly missingBeforeMs?: number;
}

export interface LocateOptions {
  readonly log: LogReader;
  /** Most records that may lie behind the positions; where more do, the newest are taken. */
  readonly maxRecords: number;
  /** Blocks younger than this are still on the log; Infinity: it keeps all. */
  readonly logRetentionMs: number;
}

/** Records before a partition's end at which the search begins. */
const firstStep = 1024;

/** `nowMs`, `fromMs`: milliseconds since 1970 */
export async function locate(options: LocateOptions, nowMs: number, fromMs: number): Promise<Located> {
  const { log, maxRecords, logRetentionMs } = options;
  const ends = log.ends();
  let missingBeforeMs = Number.NEGATIVE_INFINITY;
  const positions: number[] = [];
  for (const [partition, end] of ends.entries()) {
    const start = log.starts()[partition]!;
    const found = await search(log, partition, start, end, fromMs);
    positions.push(found);
    // What was trimmed before the first block that is kept may belong to the time, unless it was too old for it.
    if (found > start || start === 0) continue;
    const first = await blockAt(log, partition, start);
    const trimmedMs = Math.min(first ? blockTime(first.bytes) : nowMs, nowMs - logRetentionMs);
    missingBeforeMs = Math.max(missingBeforeMs, trimmedMs);
  }
  const cutMs = await keepNewest(log, positions, maxRecords);
  missingBeforeMs = Math.max(missingBeforeMs, cutMs ?? missingBeforeMs);
  return missingBeforeMs > fromMs ? { positions, missingBeforeMs } : { positions };
}

/** Offset of the first block made at `fromMs` or later: one made earlier holds nothing that was received then. */
async function search(
  log: LogReader,
  partition: number,
  start: number,
  end: number,
  fromMs: number,
): Promise<number> {
  let low = start;
  let high = end;
  let step = firstStep;
  while (low < high) {
    // From the end backwards with growing steps, since what is looked for is mostly near; then by halves.
    const probe = low === start && high - step > start ? high - step : Math.floor((low + high) / 2);
    step *= 4;
    const block = await blockAt(log, partition, probe);
    if (block === undefined) return high;
    const { firstOffset, count, bytes } = block;
    if (blockTime(bytes) < fromMs) low = firstOffset + count;
    // Trimmed since, so that what is kept begins behind the probe.
    else if (firstOffset > probe) low = Math.min(high, firstOffset);
    else high = Math.max(low, firstOffset);
  }
  return high;
}

/**
 * Moves positions forward, each by the same share, until at most `maxRecords` lie behind them. Answers the time before
 * which records were left out; undefined where none were.
 */
export async function keepNewest(
  log: LogReader,
  positions: number[],
  maxRecords: number,
): Promise<number | undefined> {
  const ends = log.ends();
  const records = ends.reduce((sum, end, partition) => sum + end - positions[partition]!, 0);
  if (records <= maxRecords) return undefined;
  let cutMs = Number.NEGATIVE_INFINITY;
  for (const [partition, end] of ends.entries()) {
    const position = Math.ceil(end - ((end - positions[partition]!) * maxRecords) / records);
    if (position === positions[partition]) continue;
    positions[partition] = position;
    // The block that holds the first record that is kept was made after all that are not.
    const block = await blockAt(log, partition, position);
    cutMs = Math.max(cutMs, block ? blockTime(block.bytes) : 0);
  }
  return cutMs;
}

/** The block that holds an offset, or the next one. */
async function blockAt(log: LogReader, partition: number, offset: number): Promise<Block | undefined> {
  const [block] = await log.read(partition, offset, 1);
  return block;
}
