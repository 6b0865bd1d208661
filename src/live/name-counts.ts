/** How many events of each name the buckets of a window have. */
import { compareUtf8 } from "../filter/order.ts";
import type { Budget } from "./budget.ts";
import type { NameTotal } from "./live.ts";

interface Counted {
  readonly name: string;
  events: number;
}

/** The part of a bucket that belongs to this file. */
export interface NameBucket {
  /** Events of each name; absent before the first. */
  names?: Map<Counted, number> | undefined;
  /** Whether an event came whose name could not be counted. */
  namesLost: boolean;
}

export interface NameCounts {
  add(name: string, bucket: NameBucket): void;
  /** A bucket has left the window. */
  leave(bucket: NameBucket): void;
  /** The names with the most events, ties by their bytes. */
  top(limit: number): NameTotal[];
  /** Gives all memory back. */
  release(): void;
}

/** What a name costs in one bucket, and what it costs once besides its text, measured at about this much. */
const cellBytes = 48;
const nameBytes = 96;

export function createNameCounts(maxCells: number, budget: Budget): NameCounts {
  const totals = new Map<string, Counted>();
  let cells = 0;
  let taken = 0;

  /** Room for a name in one more bucket. */
  function room(name: string, known: boolean): boolean {
    const bytes = known ? cellBytes : cellBytes + nameBytes + name.length;
    if (cells >= maxCells || !budget.take(bytes)) return false;
    cells++;
    taken += bytes;
    return true;
  }

  function giveBack(bytes: number): void {
    taken -= bytes;
    budget.give(bytes);
  }

  return {
    add(name, bucket) {
      let counted = totals.get(name);
      const before = counted === undefined ? undefined : bucket.names?.get(counted);
      if (before === undefined) {
        if (!room(name, counted !== undefined)) {
          bucket.namesLost = true;
          return;
        }
        if (counted === undefined) {
          counted = { name, events: 0 };
          totals.set(name, counted);
        }
        bucket.names ??= new Map();
      }
      bucket.names!.set(counted!, (before ?? 0) + 1);
      counted!.events++;
    },
    leave({ names }) {
      if (names === undefined) return;
      for (const [counted, events] of names) {
        counted.events -= events;
        if (counted.events > 0) continue;
        totals.delete(counted.name);
        giveBack(nameBytes + counted.name.length);
      }
      cells -= names.size;
      giveBack(names.size * cellBytes);
    },
    top(limit) {
      // Only the best so far are kept in order: names may be a hundred times as many.
      const best: Counted[] = [];
      for (const counted of totals.values()) {
        if (best.length === limit && before(best[limit - 1]!, counted)) continue;
        let low = 0;
        for (let high = best.length; low < high; ) {
          const middle = (low + high) >>> 1;
          if (before(best[middle]!, counted)) low = middle + 1;
          else high = middle;
        }
        best.splice(low, 0, counted);
        if (best.length > limit) best.pop();
      }
      return best.map(({ name, events }) => ({ name, events }));
    },
    release() {
      totals.clear();
      budget.give(taken);
      taken = 0;
      cells = 0;
    },
  };
}

function before(a: Counted, b: Counted): boolean {
  return a.events > b.events || (a.events === b.events && compareUtf8(a.name, b.name) < 0);
}
