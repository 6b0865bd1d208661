/** Where an id takes its time and its randomness from. */
export interface Uuid7Source {
  /** Milliseconds since 1970-01-01T00:00:00Z. Default: Date.now. */
  now?: () => number;
  /** Fills the bytes with randomness. Default: crypto.getRandomValues. */
  fillRandom?: (bytes: Uint8Array<ArrayBuffer>) => void;
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Makes UUIDs of version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits, so that ids
 * made later sort later, to the millisecond.
 */
export function createUuid7(source: Uuid7Source = {}): () => string {
  const now = source.now ?? Date.now;
  const fillRandom = source.fillRandom ?? ((bytes) => crypto.getRandomValues(bytes));
  return () => {
    const bytes = new Uint8Array(16);
    fillRandom(bytes);
    let milliseconds = Math.floor(now());
    for (let i = 5; i >= 0; i--) {
      bytes[i] = milliseconds % 256;
      milliseconds = Math.floor(milliseconds / 256);
    }
    bytes[6] = 0x70 | (bytes[6]! & 0x0f);
    bytes[8] = 0x80 | (bytes[8]! & 0x3f);
    let text = "";
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
      text += hex[bytes[i]!];
    }
    return text;
  };
}
