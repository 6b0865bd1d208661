/** Reads a run of one partition's records and gives them to the members that stand where it begins. */
import { setImmediate as turn } from "node:timers/promises";
import { type Block, BrokenBlockError, blockTime, readBlock } from "../domain/record/block.ts";
import { createFlatRecordReader, type FlatRecord } from "../domain/record/flat-record.ts";
import { refusalOf, type Standing } from "../domain/record/refusal.ts";
import type { LogReader } from "../log/log.ts";
import { type FeedMember, isReady } from "./member.ts";
import { projectOf } from "./record-project.ts";

export interface RunStats {
  /** Records that were decoded, once for all members at the same place. */
  readonly decoded: number;
  /** Records that could not be, and those that could but do not count: the consumer makes dead letters of both. */
  readonly undecodable: number;
  readonly refused: number;
  /** Milliseconds spent on records. */
  readonly busyMs: number;
}

export interface RunReader {
  /**
   * Reads from each place, up to `until` or about `maxBytes`, all at once, and moves the members' positions and the
   * head. Answers whether anything moved.
   */
  read(runs: readonly Run[], maxBytes: number): Promise<boolean>;
  readonly trouble: string;
  stats(): RunStats;
}

/** Records [from, until) of a partition. */
export interface Run {
  readonly partition: number;
  readonly from: number;
  readonly until: number;
}

export interface RunReaderOptions {
  readonly log: LogReader;
  readonly foreign: boolean;
  readonly members: ReadonlySet<FeedMember>;
  /** Moved where the run begins at it. */
  readonly heads: number[];
  readonly sliceMs: number;
}

/** Of one block; undefined: one that is not there. */
type Records = readonly (Uint8Array | undefined)[];

/** Records between two looks at the clock. */
const stride = 64;

export function createRunReader({ log, foreign, members, heads, sliceMs }: RunReaderOptions): RunReader {
  const decode = createFlatRecordReader();
  let decoded = 0;
  let undecodable = 0;
  let refused = 0;
  let busyMs = 0;
  let trouble = "";
  /** When this turn of the event loop began to work on records. */
  let turnStarted = 0;

  const standingAt = (partition: number, offset: number) =>
    [...members].filter((member) => member.positions[partition] === offset);

  /** Moves those who stand at an offset, and the head with them, over what cannot be given. */
  function leap(partition: number, from: number, to: number, missedBeforeMs: number): void {
    const atHead = heads[partition] === from;
    const standing = standingAt(partition, from);
    for (const member of standing) {
      member.positions[partition] = to;
      member.missed(missedBeforeMs);
    }
    if (atHead) heads[partition] = to;
    for (const member of standing) member.moved();
  }

  function decodeOrSkip(record: Uint8Array): FlatRecord | undefined {
    try {
      const flat = decode(record);
      decoded++;
      return flat;
    } catch {
      undecodable++;
      return undefined;
    }
  }

  /** Gives a record to those of its project. */
  function deliver(
    record: FlatRecord,
    to: readonly FeedMember[] | undefined,
    standing: Standing,
    offset: number,
  ): void {
    if (refusalOf(record, standing) !== undefined) {
      refused++;
      return;
    }
    for (const member of to ?? []) member.take(record, standing.partition, offset);
  }

  /** Gives records from `offset` on until the slice's time is over. Answers the offset of the first not given. */
  function slice(partition: number, records: Records, first: number, offset: number): number {
    const started = performance.now();
    const until = turnStarted + sliceMs;
    const atHead = heads[partition] === offset;
    const waiting = standingAt(partition, offset).filter(isReady);
    const bounded = waiting.filter(({ ready }) => ready !== undefined);
    const standing = { partition, partitions: log.partitions, foreign };
    const projects = Map.groupBy(waiting, ({ project }) => project);
    let next = offset;
    for (; next < first + records.length && waiting.length > 0; next++) {
      const record = records[next - first];
      if (!bounded.every(isReady)) break;
      const project = record && projectOf(record);
      if (record !== undefined && (project === undefined || projects.has(project))) {
        const read = decodeOrSkip(record);
        if (read !== undefined) deliver(read, projects.get(read.project), standing, next);
      }
      if ((next - offset) % stride === stride - 1 && performance.now() >= until) {
        next++;
        break;
      }
    }
    for (const member of waiting) member.positions[partition] = next;
    if (atHead && waiting.length > 0) heads[partition] = next;
    for (const member of waiting) member.moved();
    busyMs += performance.now() - started;
    return next;
  }

  function recordsOf(block: Block): Records[number][] | undefined {
    const records: Records[number][] = [];
    try {
      readBlock(block.bytes, (record) => records.push(record));
      return records;
    } catch (error) {
      if (!(error instanceof BrokenBlockError)) throw error;
      trouble = `a block of partition ${block.partition} at offset ${block.firstOffset} is broken: ${error.message}`;
      return undefined;
    }
  }

  /** Gives a run's records as far as they were read. Answers whether anything moved. */
  async function give({ partition, from, until }: Run, blocks: readonly Block[]): Promise<boolean> {
    let offset = from;
    for (const block of blocks) {
      const { firstOffset, count, bytes } = block;
      if (firstOffset > offset) {
        // Trimmed meanwhile.
        const to = Math.min(firstOffset, until);
        leap(partition, offset, to, blockTime(bytes));
        offset = to;
      }
      if (offset >= until) break;
      const end = Math.min(firstOffset + count, until);
      const records = recordsOf(block);
      if (records === undefined) {
        leap(partition, offset, end, blockTime(bytes));
        offset = end;
        continue;
      }
      records.length = end - firstOffset;
      while (offset < end) {
        const next = slice(partition, records, firstOffset, offset);
        if (performance.now() - turnStarted >= sliceMs) {
          await turn();
          turnStarted = performance.now();
        }
        // Nobody stands there any more, or some have no room.
        if (next === offset) return offset > from;
        offset = next;
      }
    }
    return offset > from;
  }

  return {
    async read(runs, maxBytes) {
      // At once: under load each wait takes as long as all the work that comes before its turn.
      const read = await Promise.all(runs.map(({ partition, from }) => log.read(partition, from, maxBytes)));
      turnStarted = performance.now();
      let moved = false;
      for (const [i, run] of runs.entries()) moved = (await give(run, read[i]!)) || moved;
      return moved;
    },
    get trouble() {
      return trouble;
    },
    stats: () => ({ decoded, undecodable, refused, busyMs: Math.round(busyMs) }),
  };
}
