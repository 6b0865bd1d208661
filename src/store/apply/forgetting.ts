import type { DeadLetterRow, EventRow } from "./rows.ts";

/** How far the ids of each partition can be forgotten. */
export interface Forgetting {
  /** Rows that are committed. */
  note(events: readonly EventRow[], deadLetters: readonly DeadLetterRow[]): void;
  /**
   * Of each partition that something was noted of, the instant before which no id is looked at any more, and at most
   * `receivedBeforeMs`. In milliseconds since 1970.
   */
  until(receivedBeforeMs: number): ReadonlyMap<number, number>;
}

/**
 * What is on the log but not yet applied may have been received long ago: an id is needed until the partition itself has
 * come so far, whatever the clock says.
 */
export function createForgetting(dedupWindowMs: number): Forgetting {
  const newestMs = new Map<number, number>();

  function see(partition: number, receivedUs: number): void {
    const receivedMs = receivedUs / 1000;
    if (!(receivedMs <= newestMs.get(partition)!)) newestMs.set(partition, receivedMs);
  }

  return {
    note(events, deadLetters) {
      for (const { partition, flat } of events) see(partition, flat.receivedUs);
      for (const { partition, receivedUs, identity } of deadLetters) {
        // When the others were received is not known.
        if (identity !== undefined) see(partition, receivedUs);
      }
    },
    until: (receivedBeforeMs) =>
      new Map(
        [...newestMs].map(([partition, newest]) => [
          partition,
          Math.min(receivedBeforeMs, newest - dedupWindowMs),
        ]),
      ),
  };
}
