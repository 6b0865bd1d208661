/** Keeps what all callers have together from going to one of them: a sharer holds half of it at most, so that others have room. */
export interface Shares {
  /** The most that one sharer may hold. */
  readonly most: number;
  /** What the sharer holds now; nothing of nobody in particular, who may have all. */
  of(sharer: string | undefined): number;
  /** Adds to what the sharer holds; negative: gives back. */
  add(sharer: string | undefined, amount: number): void;
}

export function createShares(total: number): Shares {
  const held = new Map<string, number>();
  return {
    most: Math.max(1, Math.floor(total / 2)),
    of: (sharer) => (sharer === undefined ? 0 : (held.get(sharer) ?? 0)),
    add(sharer, amount) {
      if (sharer === undefined || amount === 0) return;
      const left = (held.get(sharer) ?? 0) + amount;
      if (left === 0) held.delete(sharer);
      else held.set(sharer, left);
    },
  };
}
