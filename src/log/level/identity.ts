import { stateKey } from "../../domain/record/ranges.ts";
import { identityEntries, type LogIdentity, newIdentity, readIdentity } from "../identity.ts";
import { PartitionCountError } from "../log.ts";
import type { LevelDatabase } from "./database.ts";

/**
 * Reads the log's identity, or makes a new one, durably and all at once, where there is none.
 *
 * @throws PartitionCountError when the log has another number of partitions, LogStartError when its identity is
 *   incomplete
 */
export async function loadIdentity(
  database: LevelDatabase,
  partitions: number,
  randomBytes: (length: number) => Uint8Array,
): Promise<LogIdentity> {
  const kept = await readIdentity((key) => database.get(stateKey(key)));
  if (kept === undefined) return create(database, newIdentity(partitions, randomBytes));
  if (kept.partitions !== partitions) {
    throw new PartitionCountError(
      `the log was created with ${kept.partitions} partitions and cannot be used with ${partitions}: ` +
        `say ${kept.partitions}, or use another data directory`,
    );
  }
  return kept;
}

async function create(database: LevelDatabase, identity: LogIdentity): Promise<LogIdentity> {
  const batch = database.batch();
  for (const [key, value] of identityEntries(identity)) batch.put(stateKey(key), value);
  await database.commit(batch, { sync: true });
  return identity;
}
