/** The embedded log as it first was, before keys, projects and a format's number: blocks, ids and small state in LevelDB. */
import { crc32 } from "node:zlib";
import { ClassicLevel } from "classic-level";
import { oldDeadLetter, oldEvents, oldLogId, oldPartitions, oldSecrets } from "./events.ts";
import { hashId1 } from "./ids-1.ts";
import { encodeRecord1 } from "./record-1.ts";

const bad = { id: "bad-1", userId: "ann" };

/** The dead letter's record, whose event breaks a rule. */
export function deadLetterRecord(receivedMs: number): Buffer {
  return encodeRecord1({ ...oldEvents[0]!, ...bad, measures: { a: Number.POSITIVE_INFINITY } }, receivedMs);
}

/** Small state that says what the log is, as that in a topic did too. */
export const state1: readonly (readonly [key: string, value: Buffer])[] = [
  ["log/partitions", Buffer.from(String(oldPartitions))],
  ["secret/ids", oldSecrets.ids],
  ["log/id", Buffer.from(oldLogId)],
  ["secret/token", oldSecrets.token],
];

/** @param receivedMs when all of it was received, in milliseconds since 1970 */
export async function writeLog1(folder: string, receivedMs: number): Promise<void> {
  const db = new ClassicLevel<Buffer, Buffer>(folder, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    compression: false,
  });
  for (const [key, value] of state1) await db.put(Buffer.from(`s${key}`), value);
  const records = [
    ...oldEvents.map((event) => ({ ...event, bytes: encodeRecord1(event, receivedMs) })),
    { ...oldDeadLetter, ...bad, bytes: deadLetterRecord(receivedMs) },
  ];
  for (const record of records) {
    const { partition, offset, bytes } = record;
    await db.put(blockKey1(partition, offset), block1(bytes, receivedMs));
    const place = Buffer.alloc(12);
    place.writeUInt16BE(partition, 0);
    place.writeUIntBE(offset, 2, 6);
    place.writeUInt32BE(Math.floor(receivedMs / 1000), 8);
    await db.put(Buffer.concat([Buffer.from("i"), hashId1(record)]), place);
  }
  await db.close();
}

export function blockKey1(partition: number, offset: number): Buffer {
  const key = Buffer.from("b\0\0\0\0\0\0\0\0");
  key.writeUInt16BE(partition, 1);
  key.writeUIntBE(offset, 3, 6);
  return key;
}

/** A block of one record. */
function block1(record: Buffer, madeAtMs: number): Buffer {
  const length = [];
  let rest = record.length;
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  const header = Buffer.alloc(17);
  header[0] = 1;
  header.writeUInt32LE(1, 5);
  header.writeDoubleLE(madeAtMs, 9);
  const block = Buffer.concat([header, Buffer.from([...length, rest]), record]);
  block.writeUInt32LE(crc32(block.subarray(5)), 1);
  return block;
}
