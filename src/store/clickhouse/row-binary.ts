/** Rows in ClickHouse's RowBinary format. */

const initialBytes = 64 * 1024;
/** UTF-8 takes at most 3 bytes for a UTF-16 code unit. */
const maxBytesPerUnit = 3;
const maxVarintBytes = 5;

export interface RowBinaryWriter {
  text(value: string): void;
  bytes(value: Uint8Array): void;
  int32(value: number): void;
  /** A whole number below 2^53. */
  int64(value: number): void;
  float64(value: number): void;
  /** Number of what follows: entries of a map. */
  count(value: number): void;
  /** Bytes as they stand. */
  raw(value: Buffer): void;
  /** All that was written; a view. */
  result(): Buffer;
}

export function createRowBinaryWriter(): RowBinaryWriter {
  let buffer = Buffer.allocUnsafe(initialBytes);
  let at = 0;

  function reserve(bytes: number): void {
    if (at + bytes <= buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * buffer.length, at + bytes));
    buffer.copy(grown, 0, 0, at);
    buffer = grown;
  }

  function varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) buffer[at++] = (rest & 0x7f) | 0x80;
    buffer[at++] = rest;
  }

  return {
    text(value) {
      reserve(maxVarintBytes + maxBytesPerUnit * value.length);
      // One byte holds the length of most texts.
      const written = buffer.write(value, at + 1);
      if (written < 0x80) {
        buffer[at] = written;
        at += 1 + written;
        return;
      }
      varint(written);
      at += buffer.write(value, at);
    },
    bytes(value) {
      reserve(maxVarintBytes + value.length);
      varint(value.length);
      buffer.set(value, at);
      at += value.length;
    },
    int32(value) {
      reserve(4);
      at = buffer.writeInt32LE(value, at);
    },
    int64(value) {
      reserve(8);
      const high = Math.floor(value / 2 ** 32);
      buffer.writeUInt32LE(value - high * 2 ** 32, at);
      at = buffer.writeInt32LE(high, at + 4);
    },
    float64(value) {
      reserve(8);
      at = buffer.writeDoubleLE(value, at);
    },
    count(value) {
      reserve(maxVarintBytes);
      varint(value);
    },
    raw(value) {
      reserve(value.length);
      at += value.copy(buffer, at);
    },
    result: () => buffer.subarray(0, at),
  };
}
