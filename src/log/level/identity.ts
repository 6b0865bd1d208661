import { stateKey } from "../../domain/record/ranges.ts";
import { LogStartError, PartitionCountError } from "../log.ts";
import type { LevelDatabase } from "./database.ts";

/** What makes a log this log, fixed when it is created. */
export interface LogIdentity {
  readonly logId: string;
  readonly partitions: number;
  /** Keys the hashes of ids. */
  readonly idSecret: Uint8Array;
}

const keys = {
  logId: stateKey("log/id"),
  partitions: stateKey("log/partitions"),
  idSecret: stateKey("secret/ids"),
};
const logIdBytes = 16;
const idSecretBytes = 32;

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
  const [logId, stored, idSecret] = await Promise.all([
    database.get(keys.logId),
    database.get(keys.partitions),
    database.get(keys.idSecret),
  ]);
  if (logId === undefined && stored === undefined && idSecret === undefined) {
    return create(database, partitions, randomBytes);
  }
  if (logId === undefined || stored === undefined || idSecret === undefined) {
    throw new LogStartError("the log is broken: its id, number of partitions or secret is missing");
  }
  const kept = Number(textOf(stored));
  if (kept !== partitions) {
    throw new PartitionCountError(
      `the log was created with ${kept} partitions and cannot be used with ${partitions}: ` +
        `say ${kept}, or use another data directory`,
    );
  }
  return { logId: textOf(logId), partitions, idSecret };
}

async function create(
  database: LevelDatabase,
  partitions: number,
  randomBytes: (length: number) => Uint8Array,
): Promise<LogIdentity> {
  const logId = Buffer.from(randomBytes(logIdBytes)).toString("hex");
  const idSecret = randomBytes(idSecretBytes);
  const batch = database.batch();
  batch.put(keys.logId, Buffer.from(logId));
  batch.put(keys.partitions, Buffer.from(String(partitions)));
  batch.put(keys.idSecret, idSecret);
  await database.commit(batch, { sync: true });
  return { logId, partitions, idSecret };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
