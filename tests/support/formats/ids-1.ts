/** Ids as they first were kept: hashed over a secret of the log, on a log in LevelDB and beside a store of DuckDB. */
import { createHash } from "node:crypto";
import { ClassicLevel } from "classic-level";
import { type OldEvent, oldEnds, oldLogId, oldSecrets } from "./events.ts";

export function hashId1({ userId, id }: Pick<OldEvent, "userId" | "id">): Buffer {
  const hash = createHash("sha256").update(oldSecrets.ids);
  for (const text of ["default", userId, id]) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(text));
    hash.update(length).update(text);
  }
  return hash.digest().subarray(0, 16);
}

/** The table beside a store of DuckDB that applies a log on Kafka, in a folder. */
export async function writeIds1(
  folder: string,
  events: readonly OldEvent[],
  receivedMs: number,
): Promise<void> {
  const db = new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: "buffer", valueEncoding: "buffer" });
  const positions = oldEnds(events, { deadLetter: false });
  await db.put(Buffer.from("slog"), Buffer.from(oldLogId));
  await db.put(Buffer.from("spositions"), Buffer.from(JSON.stringify(positions)));
  for (const event of events) {
    const key = Buffer.concat([Buffer.from("i\0\0\0\0"), hashId1(event)]);
    key.writeUInt32LE(event.partition, 1);
    const value = Buffer.alloc(10);
    value.writeUIntBE(event.offset, 0, 6);
    value.writeUInt32BE(Math.floor(receivedMs / 1000), 6);
    await db.put(key, value);
  }
  await db.close();
}
