/**
 * Keys of blocks and ids, and the value of an id. Numbers in keys are big-endian, so that the order of keys is that of
 * the numbers.
 *
 *   block  u8 range, u16 partition, u48 first offset
 *   id     u8 range, 16 bytes of hash -> u16 partition, u48 offset, u32 received time in seconds
 */
import { idHashBytes } from "../../domain/ids.ts";
import { keyRanges } from "../../domain/record/ranges.ts";

const idKeyBytes = 1 + idHashBytes;
const idValueBytes = 12;
const maxSeconds = 2 ** 32 - 1;

export function blockKey(partition: number, firstOffset: number): Uint8Array {
  const key = Buffer.alloc(9);
  key[0] = keyRanges.block;
  key.writeUInt16BE(partition, 1);
  key.writeUIntBE(firstOffset, 3, 6);
  return key;
}

export function blockKeyOffset(key: Uint8Array): number {
  return asBuffer(key).readUIntBE(3, 6);
}

/** Key of an id into `key` (reused by the caller); the hash has one character for each byte. */
export function writeIdKey(key: Buffer, hash: string): void {
  key.write(hash, 1, idHashBytes, "latin1");
}

export function newIdKey(): Buffer {
  const key = Buffer.alloc(idKeyBytes);
  key[0] = keyRanges.id;
  return key;
}

/** First key of the ids, and the first behind them. */
export const idKeys = {
  start: Uint8Array.of(keyRanges.id),
  end: Uint8Array.of(keyRanges.id + 1),
} as const;

export function newIdValue(): Buffer {
  return Buffer.alloc(idValueBytes);
}

export function writeIdValue(value: Buffer, partition: number, offset: number, receivedMs: number): void {
  value.writeUInt16BE(partition, 0);
  value.writeUIntBE(offset, 2, 6);
  value.writeUInt32BE(Math.min(maxSeconds, Math.max(0, Math.floor(receivedMs / 1000))), 8);
}

export function idPartition(value: Uint8Array): number {
  return asBuffer(value).readUInt16BE(0);
}

export function idOffset(value: Uint8Array): number {
  return asBuffer(value).readUIntBE(2, 6);
}

/** When the first copy was received, in milliseconds since 1970, cut to the second. */
export function idReceivedMs(value: Uint8Array): number {
  return asBuffer(value).readUInt32BE(8) * 1000;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
