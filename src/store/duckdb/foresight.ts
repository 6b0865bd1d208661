import type { Block } from "../../domain/record/block.ts";
import type { DecodedBlocks } from "../apply/rows.ts";

/** Reads what is likely to be applied next while the database is busy with what comes before it. */
export interface Foresight {
  /** What is likely to come next, in place of what was. */
  expect(blocks: readonly Block[]): void;
  /** Reads it, from the positions that there will be. Never throws: whatever is wrong with it shows when it comes. */
  read(positions: readonly number[]): void;
  /** What was read of these very blocks, from these positions; undefined where nothing was. */
  take(blocks: readonly Block[], positions: readonly number[]): DecodedBlocks | undefined;
}

type Decode = (blocks: readonly Block[], from: readonly number[]) => DecodedBlocks;

interface Read {
  readonly blocks: readonly Block[];
  readonly from: readonly number[];
  readonly decoded: DecodedBlocks;
}

export function createForesight(decode: Decode): Foresight {
  let expected: readonly Block[] = [];
  let read: Read | undefined;
  return {
    expect(blocks) {
      expected = blocks;
    },
    read(from) {
      if (expected.length === 0) return;
      const blocks = expected;
      expected = [];
      try {
        read = { blocks, from, decoded: decode(blocks, from) };
      } catch {
        read = undefined;
      }
    },
    take(blocks, positions) {
      const taken = read;
      read = undefined;
      const fits =
        taken?.blocks.length === blocks.length &&
        blocks.every((block, i) => isSame(block, taken.blocks[i]!)) &&
        positions.every((position, partition) => position === taken.from[partition]);
      return fits ? taken.decoded : undefined;
    },
  };
}

/** A block of the log never changes. */
function isSame(a: Block, b: Block): boolean {
  const isThere = a.partition === b.partition && a.firstOffset === b.firstOffset && a.count === b.count;
  return isThere && a.bytes.length === b.bytes.length;
}
