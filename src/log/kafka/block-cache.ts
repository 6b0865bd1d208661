import type { Block } from "../../domain/record/block.ts";

/** The newest blocks of each partition, without a gap, up to a bound in bytes of them all. */
export interface BlockCache {
  readonly bytes: number;
  add(block: Block): void;
  /** Blocks from the one that holds `offset` on, up to about `maxBytes`; none where it does not have that one. */
  read(partition: number, offset: number, maxBytes: number): Block[];
}

export function createBlockCache(partitions: number, maxBytes: number): BlockCache {
  const kept: Block[][] = Array.from({ length: partitions }, () => []);
  /** Partitions in the order in which their blocks came, those from `first` on still kept. */
  let order: number[] = [];
  let first = 0;
  let bytes = 0;

  function evict(): void {
    bytes -= kept[order[first++]!]!.shift()!.bytes.length;
    if (first < 1024 || 2 * first < order.length) return;
    order = order.slice(first);
    first = 0;
  }

  return {
    get bytes() {
      return bytes;
    },
    add(block) {
      kept[block.partition]!.push(block);
      order.push(block.partition);
      bytes += block.bytes.length;
      while (bytes > maxBytes) evict();
    },
    read(partition, offset, maxBytes) {
      const blocks = kept[partition]!;
      const oldest = blocks[0];
      if (oldest === undefined || offset < oldest.firstOffset) return [];
      let low = 0;
      for (let high = blocks.length - 1; low < high; ) {
        const middle = Math.ceil((low + high) / 2);
        if (blocks[middle]!.firstOffset <= offset) low = middle;
        else high = middle - 1;
      }
      let end = low;
      for (let taken = 0; end < blocks.length && taken < maxBytes; end++) taken += blocks[end]!.bytes.length;
      const { firstOffset, count } = blocks[low]!;
      return offset < firstOffset + count ? blocks.slice(low, end) : [];
    },
  };
}
