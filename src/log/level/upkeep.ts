/** Forgetting: blocks that are applied and old, and ids whose time has passed, in small steps beside the writes. */
import { blockTime } from "../../domain/record/block.ts";
import type { LevelDatabase } from "./database.ts";
import { blockKey, blockKeyOffset, idKeys, idReceivedMs } from "./keys.ts";
import type { Positions } from "./positions.ts";

export interface UpkeepOptions {
  readonly database: LevelDatabase;
  readonly positions: Positions;
  /** Once this many bytes of blocks have gone, their space is freed. */
  readonly compactBytes: number;
  /** Whether to stop before the next step. */
  readonly stopped: () => boolean;
}

export interface Upkeep {
  trim(applied: readonly number[], madeBeforeMs: number): Promise<number>;
  forgetIds(receivedBeforeMs: number): Promise<number>;
}

/** Of one step. Ids are checked again on the main thread, a few microseconds each. */
const blocksPerStep = 256;
const idsPerStep = 512;
const bytesPerStep = 4 * 1024 ** 2;

export function createUpkeep(options: UpkeepOptions): Upkeep {
  const { database, positions, compactBytes, stopped } = options;
  /** Bytes gone from each partition that still take space. */
  const gone = positions.starts.map(() => 0);

  /** Removes the first blocks of a partition; answers how many, and whether there may be more. */
  async function trimStep(partition: number, applied: number, madeBeforeMs: number) {
    const entries = await database.scan({
      gte: blockKey(partition, positions.starts[partition]!),
      lt: blockKey(partition, positions.ends[partition]!),
      limit: blocksPerStep,
      maxBytes: bytesPerStep,
    });
    // A block ends where the next begins; the last one of a step, and so of the partition, stays.
    let count = 0;
    let bytes = 0;
    for (; count + 1 < entries.length; count++) {
      const [, block] = entries[count]!;
      if (blockKeyOffset(entries[count + 1]![0]) > applied || blockTime(block) >= madeBeforeMs) break;
      bytes += block.length;
    }
    if (count === 0) return { count, more: false };
    const removal = () => {
      const batch = database.batch();
      for (const [key] of entries.slice(0, count)) batch.del(key);
      return batch;
    };
    // Not synced: what comes back after a crash is removed again.
    await database.commit(removal, { sync: false });
    positions.setStart(partition, blockKeyOffset(entries[count]![0]));
    gone[partition]! += bytes;
    return { count, more: count + 1 === entries.length };
  }

  async function compact(): Promise<void> {
    if (gone.reduce((sum, bytes) => sum + bytes, 0) < compactBytes) return;
    for (let partition = 0; partition < gone.length && !stopped(); partition++) {
      if (gone[partition] === 0) continue;
      gone[partition] = 0;
      await database.compactRange(blockKey(partition, 0), blockKey(partition, positions.starts[partition]!));
    }
  }

  return {
    async trim(applied, madeBeforeMs) {
      let trimmed = 0;
      for (let partition = 0; partition < positions.starts.length; partition++) {
        for (let more = true; more && !stopped(); ) {
          const step = await trimStep(partition, applied[partition] ?? 0, madeBeforeMs);
          trimmed += step.count;
          more = step.more;
        }
      }
      await compact();
      return trimmed;
    },

    async forgetIds(receivedBeforeMs) {
      let forgotten = 0;
      for (let gte: Uint8Array = idKeys.start; !stopped(); ) {
        const entries = await database.scan({
          gte,
          lt: idKeys.end,
          limit: idsPerStep,
          maxBytes: bytesPerStep,
        });
        const last = entries.at(-1);
        if (last === undefined) break;
        gte = Uint8Array.of(...last[0], 0);
        const old = entries.filter(([, value]) => idReceivedMs(value) < receivedBeforeMs).map(([key]) => key);
        if (old.length === 0) continue;
        await database.commit(
          () => {
            const batch = database.batch();
            for (const key of old) {
              // In the meantime the id may have come again.
              const value = database.getSync(key);
              if (value !== undefined && idReceivedMs(value) < receivedBeforeMs) batch.del(key);
            }
            forgotten += batch.length;
            return batch;
          },
          { sync: false },
        );
      }
      return forgotten;
    },
  };
}
