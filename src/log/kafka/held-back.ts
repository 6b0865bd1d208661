import type { HeldBack } from "../log.ts";
import type { FetchedPartition } from "./fetch.ts";

/**
 * What open transactions hold back. Readers wait at the first record of one until it is committed or given up, and with
 * it waits all that others put behind it, ours too.
 */
export interface HeldBackNotes {
  note(fetched: FetchedPartition): void;
  /** By partition. */
  all(): ReadonlyMap<number, HeldBack>;
  /** Where one transaction has held records back for longer, in milliseconds, for people; empty where none has. */
  trouble(longerThanMs: number): string;
}

/** @param now milliseconds since 1970. Default: the clock's */
export function createHeldBackNotes(now: () => number = Date.now): HeldBackNotes {
  const held = new Map<number, HeldBack & { readonly from: number }>();
  return {
    note({ partition, stableOffset: from, endOffset: end }) {
      if (end <= from) {
        held.delete(partition);
        return;
      }
      const before = held.get(partition);
      held.set(partition, { from, end, sinceMs: before?.from === from ? before.sinceMs : now() });
    },
    all: () => held,
    trouble(longerThanMs) {
      for (const [partition, { from, sinceMs }] of held) {
        const ms = now() - sinceMs;
        if (ms < longerThanMs) continue;
        return (
          `records of partition ${partition} from offset ${from} on wait for another program's transaction, ` +
          `which has been open for ${Math.round(ms / 1000)} s`
        );
      }
      return "";
    },
  };
}
