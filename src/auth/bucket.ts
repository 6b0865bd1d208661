/**
 * A token bucket: it fills at a rate and holds what the rate brings in the time of a burst. Whatever is asked for is
 * given while anything is in it, and beyond that it is owed, since what a request costs is known only once it is read.
 */
export interface Bucket {
  /** Milliseconds until something is in it; 0: now. Infinity never happens. */
  delayMs(rate: number, nowMs: number): number;
  take(amount: number, rate: number, nowMs: number): void;
  /** Whether it is as good as new. */
  isFull(rate: number, nowMs: number): boolean;
}

export function createBucket(burstMs: number): Bucket {
  /** What is in it; negative: owed. A new one is full, whatever its rate. */
  let level = Number.POSITIVE_INFINITY;
  let filledMs = 0;
  const fill = (rate: number, nowMs: number) => {
    const capacity = Math.max(1, (rate * burstMs) / 1000);
    // A clock that is set back fills nothing.
    level = Math.min(capacity, level + (rate * Math.max(0, nowMs - filledMs)) / 1000);
    filledMs = nowMs;
    return capacity;
  };
  return {
    delayMs(rate, nowMs) {
      fill(rate, nowMs);
      return level > 0 ? 0 : Math.floor((-level * 1000) / rate) + 1;
    },
    take(amount, rate, nowMs) {
      fill(rate, nowMs);
      level -= amount;
    },
    isFull: (rate, nowMs) => level >= fill(rate, nowMs),
  };
}
