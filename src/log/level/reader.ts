import { type Block, blockCount } from "../../domain/record/block.ts";
import type { Entry, LevelDatabase } from "./database.ts";
import { blockKey, blockKeyOffset } from "./keys.ts";
import type { Positions } from "./positions.ts";

/** Most blocks of one read. */
const maxBlocks = 1024;

/** Reads whole blocks of a partition, as EventLog.read says. */
export async function readBlocks(
  database: LevelDatabase,
  positions: Positions,
  partition: number,
  offset: number,
  maxBytes: number,
): Promise<Block[]> {
  const end = positions.ends[partition];
  if (end === undefined) throw new RangeError(`there is no partition ${partition}`);
  if (!(offset < end)) return [];
  const from = Math.max(0, offset);
  const entries = await database.scan({
    gte: blockKey(partition, from),
    // What is beyond was written but not yet acknowledged.
    lt: blockKey(partition, end),
    limit: maxBlocks,
    maxBytes: Math.max(1, maxBytes),
  });
  const blocks = entries.map((entry) => toBlock(partition, entry));
  if (blocks[0]?.firstOffset === from) return blocks;
  const holder = await blockBefore(database, partition, from);
  return holder === undefined ? blocks : [holder, ...blocks];
}

/** The block that holds `offset` further in, if there is one. */
async function blockBefore(
  database: LevelDatabase,
  partition: number,
  offset: number,
): Promise<Block | undefined> {
  const [entry] = await database.scan({
    gte: blockKey(partition, 0),
    lt: blockKey(partition, offset),
    reverse: true,
    limit: 1,
    maxBytes: 1,
  });
  if (entry === undefined) return undefined;
  const block = toBlock(partition, entry);
  return block.firstOffset + block.count > offset ? block : undefined;
}

function toBlock(partition: number, [key, bytes]: Entry): Block {
  return { partition, firstOffset: blockKeyOffset(key), count: blockCount(bytes), bytes };
}
