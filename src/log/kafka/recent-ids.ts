/** Where a record was acknowledged, and when it was received. */
export interface KnownId {
  readonly partition: number;
  readonly offset: number;
  /** In milliseconds since 1970. */
  readonly receivedMs: number;
}

/**
 * Ids that were acknowledged lately, up to a bound, so that most repetitions are answered without a second copy on the
 * log. It forgets when it likes: exactness is the consumer's.
 *
 * Ids are the hashes of domain/ids.
 */
export interface RecentIds {
  readonly size: number;
  get(idHash: string): KnownId | undefined;
  add(idHash: string, known: KnownId): void;
  /** Forgets those received before. Answers how many went. */
  forget(receivedBeforeMs: number): number;
}

/** @param maxIds most that are kept; at least half as many are, once so many have come */
export function createRecentIds(maxIds: number): RecentIds {
  // Two generations: as the young one is full it becomes the old one, and the old one is forgotten.
  const half = Math.max(1, Math.floor(maxIds / 2));
  let young = createGeneration(half);
  let old = createGeneration(half);
  const hash = new Uint32Array(hashWords);

  return {
    get size() {
      return young.kept + old.kept;
    },
    get(idHash) {
      readHash(idHash, hash);
      return young.get(hash) ?? old.get(hash);
    },
    add(idHash, known) {
      readHash(idHash, hash);
      young.add(hash, known);
      if (young.taken < half) return;
      [young, old] = [old, young];
      young.clear();
    },
    forget: (receivedBeforeMs) => young.forget(receivedBeforeMs) + old.forget(receivedBeforeMs),
  };
}

const hashWords = 4;

/** The hash's bytes as four words. */
function readHash(idHash: string, hash: Uint32Array): void {
  for (let word = 0; word < hashWords; word++) {
    const at = 4 * word;
    hash[word] =
      idHash.charCodeAt(at) |
      (idHash.charCodeAt(at + 1) << 8) |
      (idHash.charCodeAt(at + 2) << 16) |
      (idHash.charCodeAt(at + 3) << 24);
  }
}

interface Generation {
  readonly kept: number;
  /** Places that are taken, by ids that are kept and by forgotten ones. */
  readonly taken: number;
  get(hash: Uint32Array): KnownId | undefined;
  add(hash: Uint32Array, known: KnownId): void;
  forget(receivedBeforeMs: number): number;
  clear(): void;
}

/** An entry is a hash, an offset and a received time, which so come from memory together. */
const entryBytes = 4 * hashWords + 8 + 8;
const hashAt = (place: number) => (entryBytes / 4) * place;
const offsetAt = (place: number) => (entryBytes / 8) * place + hashWords / 2;
const receivedAt = (place: number) => offsetAt(place) + 1;

const places = { empty: 0, kept: 1, forgotten: 2 } as const;

/**
 * An open-addressed table in arrays of numbers: as texts and objects in a Map, which die old, the ids kept the garbage
 * collector busy, and all callers waited while the map grew.
 */
function createGeneration(maxTaken: number): Generation {
  // At most half of the places are taken, so that a free one is near.
  const size = 2 ** Math.ceil(Math.log2(2 * maxTaken));
  const state = new Uint8Array(size);
  const partitions = new Uint16Array(size);
  const entries = new ArrayBuffer(entryBytes * size);
  const words = new Uint32Array(entries);
  const numbers = new Float64Array(entries);
  let kept = 0;
  let taken = 0;

  /** The place of this hash, or the empty one where it belongs. Hashes are evenly spread, whatever the ids are. */
  function placeOf(hash: Uint32Array): number {
    let place = hash[0]! & (size - 1);
    while (state[place] !== places.empty && !isAt(place, hash)) place = (place + 1) & (size - 1);
    return place;
  }

  function isAt(place: number, hash: Uint32Array): boolean {
    const at = hashAt(place);
    return (
      words[at] === hash[0] &&
      words[at + 1] === hash[1] &&
      words[at + 2] === hash[2] &&
      words[at + 3] === hash[3]
    );
  }

  return {
    get kept() {
      return kept;
    },
    get taken() {
      return taken;
    },
    get(hash) {
      const place = placeOf(hash);
      if (state[place] !== places.kept) return undefined;
      return {
        partition: partitions[place]!,
        offset: numbers[offsetAt(place)]!,
        receivedMs: numbers[receivedAt(place)]!,
      };
    },
    add(hash, { partition, offset, receivedMs }) {
      const place = placeOf(hash);
      if (state[place] === places.empty) taken++;
      if (state[place] !== places.kept) kept++;
      state[place] = places.kept;
      const at = hashAt(place);
      for (let word = 0; word < hashWords; word++) words[at + word] = hash[word]!;
      partitions[place] = partition;
      numbers[offsetAt(place)] = offset;
      numbers[receivedAt(place)] = receivedMs;
    },
    forget(receivedBeforeMs) {
      let forgotten = 0;
      for (let place = 0; place < size; place++) {
        if (state[place] !== places.kept || numbers[receivedAt(place)]! >= receivedBeforeMs) continue;
        state[place] = places.forgotten;
        forgotten++;
      }
      kept -= forgotten;
      return forgotten;
    },
    clear() {
      state.fill(places.empty);
      kept = 0;
      taken = 0;
    },
  };
}
