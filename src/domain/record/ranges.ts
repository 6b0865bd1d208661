/**
 * Key ranges of the embedded database, which log, ids and small state share so that they cannot disagree: the first
 * byte of every key.
 */
export const keyRanges = {
  /** Blocks of the log, by partition and first offset. */
  block: 0x62,
  /** Ids that are remembered, by hash. */
  id: 0x69,
  /** Small state, by its text key. */
  state: 0x73,
} as const;

/** Key of a piece of small state. */
export function stateKey(key: string): Uint8Array {
  const text = Buffer.from(key);
  const bytes = new Uint8Array(1 + text.length);
  bytes[0] = keyRanges.state;
  bytes.set(text, 1);
  return bytes;
}

/** Text key of a piece of small state. */
export function stateName(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset + 1, key.byteLength - 1).toString();
}
