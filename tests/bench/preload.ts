/**
 * Fills a log with remembered ids, as it would have after so many events, without their records: a lookup costs the same.
 */
import { randomBytes } from "node:crypto";
import { openLevelDatabase } from "../../src/log/level/database.ts";
import { idKeys, newIdKey, newIdValue, writeIdKey, writeIdValue } from "../../src/log/level/keys.ts";
import { createLevelLog } from "../../src/log/level/level.ts";

const batchIds = 10_000;

export async function preloadIds(directory: string, count: number): Promise<void> {
  const database = await openLevelDatabase({ directory, writeBufferBytes: 64 * 1024 ** 2 });
  const log = await createLevelLog({ database, partitions: 8 });
  const receivedMs = Date.now();
  for (let done = 0; done < count; done += batchIds) {
    const batch = database.batch();
    const random = randomBytes(16 * batchIds);
    for (let i = 0; i < batchIds; i++) {
      const key = newIdKey();
      const value = newIdValue();
      writeIdKey(key, random.toString("latin1", i * 16, i * 16 + 16));
      writeIdValue(value, i % 8, 0, receivedMs);
      batch.put(key, value);
    }
    await database.commit(batch, { sync: false });
  }
  // As it stands after days, not as after a sudden flood: levels in order, nothing left to compact.
  await database.compactRange(idKeys.start, idKeys.end);
  await log.close();
  await database.close();
}
