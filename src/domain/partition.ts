/**
 * Partitioning as Kafka's default partitioner does it, so that Java, librdkafka and kafkajs put a user's events on the
 * same partition: murmur2 (Austin Appleby's, 32 bit, seed 0x9747b28c) over the key's UTF-8 bytes, made positive.
 */
const seed = 0x9747b28c;
const m = 0x5bd1e995;
const encoder = new TextEncoder();
/** Holds a user's bytes while they are hashed; the encoder would make an array for each. */
const scratch = new Uint8Array(256);

/** murmur2 of the first `length` bytes, by default all, as a signed 32-bit integer. */
export function murmur2(bytes: Uint8Array, length = bytes.length): number {
  let h = seed ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = length - i;
  if (rest >= 3) h ^= bytes[i + 2]! << 16;
  if (rest >= 2) h ^= bytes[i + 1]! << 8;
  if (rest >= 1) h = Math.imul(h ^ bytes[i]!, m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return h ^ (h >>> 15);
}

/** The partition of a user's events, 0 to partitions - 1. */
export function partitionOf(userId: string, partitions: number): number {
  const { length } = userId;
  if (length > scratch.length) return partitionOfKey(encoder.encode(userId), partitions);
  for (let i = 0; i < length; i++) {
    const code = userId.charCodeAt(i);
    if (code > 0x7f) return partitionOfKey(encoder.encode(userId), partitions);
    scratch[i] = code;
  }
  return partitionOfHash(murmur2(scratch, length), partitions);
}

/** As partitionOf, of the user's UTF-8 bytes. */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return partitionOfHash(murmur2(key), partitions);
}

function partitionOfHash(hash: number, partitions: number): number {
  return (hash & 0x7fffffff) % partitions;
}
