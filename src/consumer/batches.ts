import type { Block } from "../domain/record/block.ts";
import type { Assignment } from "../log/assignment.ts";
import type { LogReader } from "../log/log.ts";

/** The log no longer has what was to be applied next. */
export class RecordsRemovedError extends Error {
  override readonly name = "RecordsRemovedError";

  constructor(partition: number, position: number, first: number) {
    super(
      `partition ${partition} of the log begins at offset ${first}, but is applied only up to ${position}: the records ` +
        "between were removed before they were applied. Once it is sure that they cannot be had again, start with " +
        "--rebuild-store to go on without them",
    );
  }
}

/** Gives the blocks to be applied, batch by batch. */
export interface Batches {
  /**
   * What follows on the store's positions, of the partitions that are assigned by then; none at the log's end.
   *
   * @throws RecordsRemovedError, and what reading the log throws
   */
  next(): Promise<readonly Block[]>;
  /** Reads what follows on blocks that are being applied, so that it is there when they have been. */
  readOn(applying: readonly Block[]): void;
  /** Lets go of what is being read, which waits long while the log is being opened anew: `next` answers nothing. */
  abandon(): void;
}

export interface BatchesOptions {
  readonly log: LogReader;
  readonly assignment: Assignment;
  /** The store's. */
  readonly positions: () => readonly number[];
  /** About how much a batch takes. Another one of as much may have been read ahead. */
  readonly bytes: number;
  /** Told what was read ahead. Default: nobody is. */
  readonly onAhead?: (blocks: readonly Block[]) => void;
}

/** Of the bytes that a batch may take, what makes it full: the rest would be a little of one partition more. */
const fullPart = 3 / 4;

/**
 * Where much waits, a batch is of few partitions, each in its turn: a store looks their ids up in few places then, which
 * costs a fraction of looking everywhere.
 */
export function createBatches(options: BatchesOptions): Batches {
  const { log, assignment, positions, bytes, onAhead = () => {} } = options;
  let abandon: () => void = () => {};
  /** Which partition is the first of the next batch, or the one behind it that lags. */
  let turn = 0;
  /** What was read ahead; none where that failed. */
  let ahead: Promise<readonly Block[]> | undefined;

  async function read(from: readonly number[]): Promise<readonly Block[]> {
    const ends = log.ends();
    const behind = assignment.partitions().filter((partition) => ends[partition]! > (from[partition] ?? 0));
    const later = behind.filter((partition) => partition >= turn);
    const inTurn = [...later, ...behind.filter((partition) => partition < turn)];
    const blocks: Block[] = [];
    let taken = 0;
    for (const partition of inTurn) {
      const position = from[partition] ?? 0;
      const own = await log.read(partition, position, bytes - taken);
      // Known once it was read. A gap further on is no removal: the store finds a broken log.
      const first = log.starts()[partition]!;
      if (first > position) throw new RecordsRemovedError(partition, position, first);
      blocks.push(...own);
      taken += byteLength(own);
      turn = partition + 1;
      if (taken >= bytes * fullPart) break;
    }
    return blocks;
  }

  async function readAhead(from: readonly number[]): Promise<readonly Block[]> {
    const blocks = await read(from);
    onAhead(blocks);
    return blocks;
  }

  /** Without those of partitions that another process may apply by now. */
  function assignedOf(blocks: readonly Block[]): readonly Block[] {
    const assigned = new Set(assignment.partitions());
    return blocks.filter(({ partition }) => assigned.has(partition));
  }

  async function take(): Promise<readonly Block[]> {
    const there = ahead;
    ahead = undefined;
    const blocks = assignedOf((await there) ?? []);
    return assignedOf(follow(blocks, positions()) ? blocks : await read(positions()));
  }

  return {
    next: () =>
      new Promise((resolve, reject) => {
        abandon = () => resolve([]);
        take().then(resolve, reject);
      }),
    readOn(applying) {
      // At the log's end what comes in small pieces is taken together a moment later.
      if (byteLength(applying) < bytes * fullPart) return;
      ahead = readAhead(after(applying, positions())).catch(() => []);
    },
    abandon() {
      ahead = undefined;
      abandon();
    },
  };
}

/** Whether there are blocks, the first of each partition beginning at its position, or holding it. */
function follow(blocks: readonly Block[], positions: readonly number[]): boolean {
  const next = [...positions];
  for (const { partition, firstOffset, count } of blocks) {
    if (!(firstOffset <= next[partition]! && next[partition]! < firstOffset + count)) return false;
    next[partition] = firstOffset + count;
  }
  return blocks.length > 0;
}

/** Where the positions are once the blocks are applied. */
function after(blocks: readonly Block[], positions: readonly number[]): readonly number[] {
  const next = [...positions];
  for (const { partition, firstOffset, count } of blocks) next[partition] = firstOffset + count;
  return next;
}

function byteLength(blocks: readonly Block[]): number {
  return blocks.reduce((sum, block) => sum + block.bytes.length, 0);
}
