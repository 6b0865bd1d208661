/**
 * The block: consecutive records of one partition, as the log keeps them and the store reads them, whichever engine the
 * log is. Layout, little-endian:
 *
 *   0  u8   format, 1
 *   1  u32  CRC-32 (zlib's) of everything from byte 5
 *   5  u32  number of records
 *   9  f64  time it was made, in milliseconds since 1970
 *  17       the records, each as a varint length and that many bytes; a length of 0 keeps the offset of one that is not
 *           there, unless it is written in two bytes: that is a record without a value, as only others put on the log
 */
import { crc32 } from "node:zlib";

export const blockFormat = 1;
export const blockHeaderBytes = 17;

/** A block and where it stands. */
export interface Block {
  readonly partition: number;
  /** Offset of its first record; the following ones have the following offsets. */
  readonly firstOffset: number;
  readonly count: number;
  /** The whole block, header included. */
  readonly bytes: Uint8Array;
}

/** What a record is made of, in order; writing it in pieces saves a copy. */
export type RecordParts = readonly Uint8Array[];

/** Fills a block. Records are collected and written out once. */
export interface BlockBuilder {
  readonly count: number;
  /** Bytes of the block as it stands. */
  readonly byteLength: number;
  /** @param record undefined: one that is not there, whose offset is kept */
  add(record: RecordParts | undefined): void;
  build(madeAtMs: number): Uint8Array;
}

export function createBlockBuilder(): BlockBuilder {
  const records: (RecordParts | undefined)[] = [];
  const lengths: number[] = [];
  let byteLength = blockHeaderBytes;
  return {
    get count() {
      return records.length;
    },
    get byteLength() {
      return byteLength;
    },
    add(record) {
      let length = 0;
      for (const part of record ?? nothing) length += part.length;
      records.push(record);
      lengths.push(length);
      const isEmpty = record !== undefined && length === 0;
      byteLength += (isEmpty ? emptyLength.length : varintLength(length)) + length;
    },
    build(madeAtMs) {
      // Not from Buffer's shared pool: the bytes are handed to another thread later.
      const bytes = new Uint8Array(byteLength);
      let at = blockHeaderBytes;
      for (let i = 0; i < records.length; i++) {
        const record = records[i];
        if (record !== undefined && lengths[i] === 0) {
          bytes.set(emptyLength, at);
          at += emptyLength.length;
          continue;
        }
        at = writeVarint(bytes, at, lengths[i]!);
        for (const part of record ?? nothing) {
          bytes.set(part, at);
          at += part.length;
        }
      }
      const view = new DataView(bytes.buffer);
      view.setUint8(0, blockFormat);
      view.setUint32(5, records.length, true);
      view.setFloat64(9, madeAtMs, true);
      view.setUint32(1, crc32(bytes.subarray(5)), true);
      return bytes;
    },
  };
}

const nothing: RecordParts = [];
/** The length of a record that is there without a value. */
const emptyLength = Uint8Array.of(0x80, 0);

/** A block that is not what the log wrote: never skipped, the reader stops. */
export class BrokenBlockError extends Error {
  override readonly name = "BrokenBlockError";
}

/** Number of records that the header states, without checking the rest. */
export function blockCount(bytes: Uint8Array): number {
  return view(bytes).getUint32(5, true);
}

/** Time the block was made, in milliseconds since 1970. */
export function blockTime(bytes: Uint8Array): number {
  return view(bytes).getFloat64(9, true);
}

/**
 * Checks the block and calls `visit` with each record's bytes (a view; undefined of one that is not there) and its index.
 *
 * @throws BrokenBlockError when format, CRC, count or lengths do not hold
 */
export function readBlock(
  bytes: Uint8Array,
  visit: (record: Uint8Array | undefined, index: number) => void,
): void {
  if (bytes.length < blockHeaderBytes)
    throw new BrokenBlockError(`block of ${bytes.length} bytes is too short`);
  const header = view(bytes);
  if (header.getUint8(0) !== blockFormat) {
    throw new BrokenBlockError(
      `block format ${header.getUint8(0)} is not known, this version reads ${blockFormat}`,
    );
  }
  if (crc32(bytes.subarray(5)) !== header.getUint32(1, true))
    throw new BrokenBlockError("block CRC does not match");
  const count = header.getUint32(5, true);
  let at = blockHeaderBytes;
  for (let i = 0; i < count; i++) {
    const start = at;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 28) throw new BrokenBlockError(`record ${i} has no length`);
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (at + length > bytes.length) throw new BrokenBlockError(`record ${i} goes beyond the block`);
    const isThere = length > 0 || at - start > 1;
    visit(isThere ? bytes.subarray(at, at + length) : undefined, i);
    at += length;
  }
  if (at !== bytes.length)
    throw new BrokenBlockError(`${bytes.length - at} bytes stand behind the last record`);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++;
  return length;
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let to = at;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes[to++] = (rest & 0x7f) | 0x80;
  bytes[to++] = rest;
  return to;
}
