/**
 * Kafka's record batch, version 2 of its format, written straight from the pieces of records. kafkajs builds each record
 * and each header as a buffer of its own, which costs three times as much as all the rest of a send.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { RecordParts } from "../../domain/record/block.ts";
import { crc32c } from "./crc32c.ts";

const compressed = promisify(gzip);

/** A record as it stands in a batch. */
export interface BatchRecord {
  readonly key: Uint8Array;
  /** Null: nothing is kept under the key any more, on a compacted topic. */
  readonly value: RecordParts | null;
  /** From encodeHeaders. */
  readonly headers: Uint8Array;
}

export interface BatchOptions {
  /** Of an idempotent producer, as decimal text. */
  readonly producerId: string;
  readonly producerEpoch: number;
  /** Of its first record, among all that the producer has sent to the partition. */
  readonly baseSequence: number;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  readonly compression: "none" | "gzip";
}

/** Bytes before the records: offset, length, leader epoch, magic, CRC, and from `attributesAt` on what the CRC covers. */
const headerBytes = 61;
const attributesAt = 21;
const magic = 2;
const gzipCodec = 1;

export async function encodeBatch(records: readonly BatchRecord[], options: BatchOptions): Promise<Buffer> {
  const plain = encodeRecords(records);
  if (options.compression === "none") return finish(plain, records.length, options);
  const body = await compressed(plain.subarray(headerBytes));
  return finish(Buffer.concat([plain.subarray(0, headerBytes), body]), records.length, options);
}

/** Most bytes that a record takes in a batch. */
export function recordBytes({ key, value, headers }: BatchRecord): number {
  return maxRecordOverhead + key.length + headers.length + lengthOf(value);
}

/** Five lengths and numbers of up to 5 bytes each, and the attributes. */
const maxRecordOverhead = 26;

/** The records behind room for the batch's header. */
function encodeRecords(records: readonly BatchRecord[]): Buffer {
  let total = headerBytes;
  const bodies = records.map((record, i) => {
    const length = bodyBytes(record, i);
    total += varintBytes(length) + length;
    return length;
  });
  const bytes = Buffer.allocUnsafe(total);
  let at = headerBytes;
  for (const [i, { key, value, headers }] of records.entries()) {
    at = writeVarint(bytes, at, bodies[i]!);
    bytes[at++] = 0; // attributes
    bytes[at++] = 0; // time after the batch's
    at = writeVarint(bytes, at, i);
    at = writeVarint(bytes, at, key.length);
    bytes.set(key, at);
    at += key.length;
    if (value === null) bytes[at++] = nullLength;
    else {
      at = writeVarint(bytes, at, lengthOf(value));
      for (const part of value) {
        bytes.set(part, at);
        at += part.length;
      }
    }
    bytes.set(headers, at);
    at += headers.length;
  }
  return bytes;
}

function bodyBytes({ key, value, headers }: BatchRecord, index: number): number {
  const length = lengthOf(value);
  const valueBytes = value === null ? 1 : varintBytes(length) + length;
  return 2 + varintBytes(index) + varintBytes(key.length) + key.length + valueBytes + headers.length;
}

function lengthOf(value: RecordParts | null): number {
  let length = 0;
  if (value !== null) for (const part of value) length += part.length;
  return length;
}

/** Writes the header before the records. */
function finish(bytes: Buffer, count: number, options: BatchOptions): Buffer {
  const { producerId, producerEpoch, baseSequence, timestampMs, compression } = options;
  bytes.writeBigInt64BE(0n, 0); // offset, which the broker sets
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(-1, 12); // epoch of the leader, likewise
  bytes.writeInt8(magic, 16);
  bytes.writeInt16BE(compression === "gzip" ? gzipCodec : 0, attributesAt);
  bytes.writeInt32BE(count - 1, 23);
  bytes.writeBigInt64BE(BigInt(timestampMs), 27);
  bytes.writeBigInt64BE(BigInt(timestampMs), 35);
  bytes.writeBigInt64BE(BigInt(producerId), 43);
  bytes.writeInt16BE(producerEpoch, 51);
  bytes.writeInt32BE(baseSequence, 53);
  bytes.writeInt32BE(count, 57);
  bytes.writeUInt32BE(crc32c(bytes.subarray(attributesAt)), 17);
  return bytes;
}

/** Names and values as they stand in a record. */
export function encodeHeaders(headers: Readonly<Record<string, string>>): Uint8Array {
  const texts = Object.entries(headers)
    .flat()
    .map((text) => Buffer.from(text));
  const length = texts.reduce((sum, text) => sum + varintBytes(text.length) + text.length, 0);
  const count = texts.length / 2;
  const bytes = Buffer.alloc(varintBytes(count) + length);
  let at = writeVarint(bytes, 0, count);
  for (const text of texts) {
    at = writeVarint(bytes, at, text.length);
    bytes.set(text, at);
    at += text.length;
  }
  return bytes;
}

/** Zigzag of -1. */
const nullLength = 1;

/** Of a number that is not negative, in zigzag. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value * 2; rest >= 0x80; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value * 2;
  let to = at;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes[to++] = (rest & 0x7f) | 0x80;
  bytes[to++] = rest;
  return to;
}
