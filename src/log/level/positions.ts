import { readBlock } from "../../domain/record/block.ts";
import type { LevelDatabase } from "./database.ts";
import { blockKey, blockKeyOffset } from "./keys.ts";

/** Where each partition begins and ends, kept in memory. */
export interface Positions {
  /** Offset of the first record kept. */
  readonly starts: readonly number[];
  /** Offset behind the last durable record. */
  readonly ends: readonly number[];
  /** Offset of the next record to be given one: beyond `ends` by what is on its way to the disk. */
  readonly next: number[];
  /** Reads them anew from the database. @throws BrokenBlockError when a partition's last block is broken */
  load(): Promise<void>;
  setStart(partition: number, offset: number): void;
  setEnd(partition: number, offset: number): void;
}

export function createPositions(database: LevelDatabase, partitions: number): Positions {
  const starts = new Array<number>(partitions).fill(0);
  const ends = starts.slice();
  const next = starts.slice();

  /** The partition's first or last block, checked. */
  async function edge(partition: number, reverse: boolean) {
    const [entry] = await database.scan({
      gte: blockKey(partition, 0),
      lt: blockKey(partition + 1, 0),
      reverse,
      limit: 1,
      maxBytes: 1,
    });
    return entry;
  }

  return {
    starts,
    ends,
    next,
    async load() {
      for (let partition = 0; partition < partitions; partition++) {
        const [first, last] = [await edge(partition, false), await edge(partition, true)];
        let end = last === undefined ? 0 : blockKeyOffset(last[0]);
        if (last !== undefined) readBlock(last[1], () => end++);
        starts[partition] = first === undefined ? 0 : blockKeyOffset(first[0]);
        ends[partition] = end;
        next[partition] = end;
      }
    },
    setStart(partition, offset) {
      starts[partition] = offset;
    },
    setEnd(partition, offset) {
      ends[partition] = offset;
    },
  };
}
