/** How many events a caller may send, as it stands with them now. */
export interface EventRate {
  /**
   * Counts events that are about to be admitted. A request is taken whole while any is allowed, and what it brings beyond
   * that is owed: the next one waits for it.
   *
   * @throws WeirError RESOURCE_EXHAUSTED/RATE_LIMITED with a retry delay while something is owed
   */
  take(events: number): void;
  /** Milliseconds until something may be taken; 0: now. */
  delayMs(): number;
}
