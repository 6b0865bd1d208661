/** Reads Kafka's record batches, version 2 of the format, the only one that brokers write since 0.11. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";

/** The batch that a record was sent in. */
export interface FetchedBatch {
  readonly firstOffset: number;
  /** Of the batch as it was sent, even where compaction took the last record away. */
  readonly lastOffset: number;
  /** -1: of a producer that does not number its records. */
  readonly producerId: bigint;
  /** Number of its first record among all that the producer has sent to the partition. */
  readonly firstSequence: number;
  /** Milliseconds since 1970; of all its records where the topic keeps the time of the append. */
  readonly maxTimestamp: number;
  readonly inTransaction: boolean;
  /** Whether it holds a transaction's marker, which no reader is shown. */
  readonly isControl: boolean;
}

export interface FetchedRecord {
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** A view; null: there is none. */
  readonly key: Buffer | null;
  /** As the key. */
  readonly value: Buffer | null;
  readonly batch: FetchedBatch;
}

const decompressed = promisify(gunzip);

/** Of a batch, before its records. */
const headerBytes = 61;
/** Of what stands before a batch's length, and the length. */
const prefixBytes = 12;
const knownMagic = 2;
/** Bits of a batch's attributes. */
const codecBits = 0x07;
const appendTimeBit = 0x08;
const transactionBit = 0x10;
const controlBit = 0x20;
const gzipCodec = 1;
const codecs = ["none", "gzip", "snappy", "lz4", "zstd"];

/**
 * The records of batches one after the other; what is left of one that was cut off at the end is passed over.
 *
 * @throws Error where a batch is compressed by something else than gzip, or is not what it says
 */
export async function decodeBatches(bytes: Buffer): Promise<FetchedRecord[]> {
  const records: FetchedRecord[] = [];
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const end = at + prefixBytes + bytes.readInt32BE(at + 8);
    const magic = bytes.readInt8(at + 16);
    if (magic !== knownMagic) throw new Error(`record batches of format ${magic} cannot be read`);
    if (end < at + headerBytes) throw new Error("a record batch is shorter than its header");
    if (end > bytes.length) break;
    const codec = bytes.readInt16BE(at + 21) & codecBits;
    const body = bytes.subarray(at + headerBytes, end);
    if (codec > gzipCodec) {
      throw new Error(`records compressed by ${codecs[codec] ?? `codec ${codec}`} cannot be read`);
    }
    readRecords(
      bytes.subarray(at, at + headerBytes),
      codec === gzipCodec ? await decompressed(body) : body,
      records,
    );
    at = end;
  }
  return records;
}

function readRecords(header: Buffer, body: Buffer, records: FetchedRecord[]): void {
  const attributes = header.readInt16BE(21);
  const firstOffset = Number(header.readBigInt64BE(0));
  const batch: FetchedBatch = {
    firstOffset,
    lastOffset: firstOffset + header.readInt32BE(23),
    producerId: header.readBigInt64BE(43),
    firstSequence: header.readInt32BE(53),
    maxTimestamp: Number(header.readBigInt64BE(35)),
    inTransaction: (attributes & transactionBit) !== 0,
    isControl: (attributes & controlBit) !== 0,
  };
  const firstTime = Number(header.readBigInt64BE(27));
  // The broker's time is that of the whole batch.
  const appendTime = (attributes & appendTimeBit) === 0 ? undefined : batch.maxTimestamp;
  const from = { at: 0 };
  for (let left = header.readInt32BE(57); left > 0; left--) {
    const length = varint(body, from);
    const end = from.at + length;
    from.at++; // attributes, of which there are none
    const timestamp = appendTime ?? firstTime + varint(body, from);
    if (appendTime !== undefined) varint(body, from);
    const offset = firstOffset + varint(body, from);
    const keyLength = varint(body, from);
    const keyAt = from.at;
    from.at += Math.max(0, keyLength);
    const valueLength = varint(body, from);
    if (from.at + Math.max(0, valueLength) > end || end > body.length)
      throw new Error("a record goes beyond its batch");
    records.push(new PlainRecord(body, offset, timestamp, keyAt, keyLength, from.at, valueLength, batch));
    // Over the headers, which repeat what the value says.
    from.at = end;
  }
}

/** Makes views of its key and its value only where somebody looks at them. */
class PlainRecord implements FetchedRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly batch: FetchedBatch;
  readonly #body: Buffer;
  readonly #keyAt: number;
  readonly #keyLength: number;
  readonly #valueAt: number;
  readonly #valueLength: number;

  constructor(
    body: Buffer,
    offset: number,
    timestamp: number,
    keyAt: number,
    keyLength: number,
    valueAt: number,
    valueLength: number,
    batch: FetchedBatch,
  ) {
    this.#body = body;
    this.offset = offset;
    this.timestamp = timestamp;
    this.#keyAt = keyAt;
    this.#keyLength = keyLength;
    this.#valueAt = valueAt;
    this.#valueLength = valueLength;
    this.batch = batch;
  }

  get key(): Buffer | null {
    return this.#keyLength < 0 ? null : this.#body.subarray(this.#keyAt, this.#keyAt + this.#keyLength);
  }

  get value(): Buffer | null {
    return this.#valueLength < 0
      ? null
      : this.#body.subarray(this.#valueAt, this.#valueAt + this.#valueLength);
  }
}

/** A signed number in zigzag, of at most 53 bits. */
function varint(bytes: Buffer, from: { at: number }): number {
  let byte = bytes[from.at++]!;
  let value = byte & 0x7f;
  for (let scale = 128; byte >= 0x80; scale *= 128) {
    if (from.at >= bytes.length || scale > 2 ** 49) throw new Error("a record's number has no end");
    byte = bytes[from.at++]!;
    value += (byte & 0x7f) * scale;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
