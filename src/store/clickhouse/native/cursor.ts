/** A place in bytes that may end before a block does. */

/** Thrown where more bytes are needed; the block is then read again from its start. */
export class Short extends Error {
  override readonly name = "Short";
}

const short = new Short();

/** Bytes that one text may have; more is no answer of ours. */
const maxLength = 2 ** 31;

export class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Passes over so many bytes, and answers where they began. */
  skip(length: number): number {
    const from = this.at;
    if (from + length > this.bytes.length) throw short;
    this.at = from + length;
    return from;
  }

  u8(): number {
    return this.bytes[this.skip(1)]!;
  }

  /** An integer below 2^53. */
  u64(): number {
    const from = this.skip(8);
    return this.bytes.readUInt32LE(from) + this.bytes.readUInt32LE(from + 4) * 2 ** 32;
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
    }
    if (value > maxLength) throw new RangeError(`a length of ${value} cannot be`);
    return value;
  }

  text(): string {
    const length = this.varint();
    const from = this.skip(length);
    return this.bytes.toString("utf8", from, from + length);
  }

  /** A copy of so many bytes, aligned for any typed array. */
  copy(length: number): ArrayBuffer {
    const from = this.skip(length);
    const copy = new ArrayBuffer(length);
    new Uint8Array(copy).set(this.bytes.subarray(from, from + length));
    return copy;
  }
}
