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
  let young = new Map<string, KnownId>();
  let old = new Map<string, KnownId>();

  return {
    get size() {
      return young.size + old.size;
    },
    get: (idHash) => young.get(idHash) ?? old.get(idHash),
    add(idHash, known) {
      young.set(idHash, known);
      if (young.size < half) return;
      old = young;
      young = new Map();
    },
    forget(receivedBeforeMs) {
      let forgotten = 0;
      for (const generation of [young, old]) {
        for (const [idHash, { receivedMs }] of generation) {
          if (receivedMs < receivedBeforeMs && generation.delete(idHash)) forgotten++;
        }
      }
      return forgotten;
    },
  };
}
