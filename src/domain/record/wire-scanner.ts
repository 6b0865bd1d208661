/**
 * Reads the wire format of protobuf from one buffer after the other, without objects for messages and fields. Short
 * texts, which repeat from event to event (keys, names), are kept, so that most of them are not built again.
 */
export interface WireScanner {
  /** Where the next read begins; whoever skips may set it. */
  position: number;
  /** Begins with new bytes. */
  reset(bytes: Uint8Array): void;
  /** Length of the bytes. */
  readonly end: number;
  /** An unsigned varint. @throws WireError beyond 2^53 */
  uint(): number;
  /** A double, 8 bytes. */
  double(): number;
  /** A length-delimited text. @throws WireError where it is not UTF-8 */
  text(): string;
}

/** The bytes are not what the reader can take. */
export class WireError extends Error {
  override readonly name = "WireError";
}

/** Texts up to this length in bytes are kept, if they are ASCII. */
const keptLength = 24;
/** Texts up to this length in bytes are looked at whether they are ASCII, which is built sooner; an id is. */
const asciiLength = 64;
/** How many texts are kept; a power of 2. */
const keptTexts = 4096;

export function createWireScanner(): WireScanner {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const kept = new Array<string | undefined>(keptTexts);
  let bytes = new Uint8Array(0);
  /** Of the whole memory that the bytes are in, which is that of a block's records one after the other. */
  let memory = Buffer.from(bytes.buffer);
  /** Where the bytes begin in it. */
  let base = 0;

  const scanner: WireScanner = {
    position: 0,
    end: 0,
    reset(next) {
      bytes = next as Uint8Array<ArrayBuffer>;
      if (memory.buffer !== bytes.buffer) memory = Buffer.from(bytes.buffer);
      base = bytes.byteOffset;
      scanner.position = 0;
      (scanner as { end: number }).end = bytes.length;
    },
    uint() {
      let value = 0;
      for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
        const byte = bytes[scanner.position++];
        if (byte === undefined) throw new WireError("the bytes end within a number");
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) {
          if (value > Number.MAX_SAFE_INTEGER) break;
          return value;
        }
      }
      throw new WireError("a number is too great");
    },
    double() {
      const at = scanner.position;
      if (at + 8 > scanner.end) throw new WireError("the bytes end within a number");
      scanner.position += 8;
      return memory.readDoubleLE(base + at);
    },
    text() {
      const length = scanner.uint();
      const start = scanner.position;
      const end = start + length;
      if (end > scanner.end) throw new WireError("the bytes end within a text");
      scanner.position = end;
      if (length > asciiLength) return decode(start, end);
      let hash = length;
      for (let i = start; i < end; i++) {
        const byte = bytes[i]!;
        if (byte > 0x7f) return decode(start, end);
        hash = (Math.imul(hash, 31) + byte) | 0;
      }
      if (length > keptLength) return ascii(start, end);
      const slot = (hash ^ (hash >>> 12)) & (keptTexts - 1);
      const known = kept[slot];
      if (known !== undefined && isAt(known, start, length)) return known;
      const text = ascii(start, end);
      kept[slot] = text;
      return text;
    },
  };

  function isAt(text: string, start: number, length: number): boolean {
    if (text.length !== length) return false;
    for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
    return true;
  }

  function ascii(start: number, end: number): string {
    return memory.toString("latin1", base + start, base + end);
  }

  function decode(start: number, end: number): string {
    try {
      return decoder.decode(bytes.subarray(start, end));
    } catch (error) {
      throw new WireError("a text is not UTF-8", { cause: error });
    }
  }

  return scanner;
}
