/** Memory that many parts share: each takes what it keeps, about, and gives it back. */
export interface Budget {
  /** Bytes that nobody has taken; below 0 where somebody had to exceed it. */
  readonly left: number;
  /** Takes `bytes` if they are there. */
  take(bytes: number): boolean;
  /** Takes `bytes` even if they are not there: what bounds it is somewhere else. */
  force(bytes: number): void;
  give(bytes: number): void;
}

export function createBudget(bytes: number): Budget {
  let left = bytes;
  return {
    get left() {
      return left;
    },
    take(wanted) {
      if (wanted > left) return false;
      left -= wanted;
      return true;
    },
    force(wanted) {
      left -= wanted;
    },
    give(returned) {
      left += returned;
    },
  };
}
