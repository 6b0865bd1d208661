import { type MapField, mapFields } from "../../filter/filter.ts";
import type { EventRow } from "./rows.ts";

/** Which keys get a column. */
export interface KeyColumnLimits {
  /** Columns for properties, and for measures; 0 for none. */
  readonly properties: number;
  readonly measures: number;
  /** Events that are looked at before it is said which keys are frequent. */
  readonly window: number;
  /** Part of those events that a frequent key occurs in at least, 0 to 1. */
  readonly share: number;
}

export const defaultKeyColumnLimits: KeyColumnLimits = {
  properties: 64,
  measures: 32,
  window: 1000,
  share: 0.05,
};

export interface FrequentKey {
  readonly map: MapField;
  readonly key: string;
}

/** Watches which keys the events have, with bounded memory. */
export interface Census {
  /**
   * Looks at a batch, or at a sample of a large one.
   *
   * @param has whether a key has a column already
   * @returns frequent keys without a column, most frequent first; none until enough events were seen
   */
  observe(rows: readonly EventRow[], has: (map: MapField, key: string) => boolean): FrequentKey[];
}

/** Different keys that are counted in one window, of each map: more are never frequent together. */
const countedKeys = 10_000;

export function createCensus({ window, share }: KeyColumnLimits): Census {
  let seen = 0;
  const counts: Record<MapField, Map<string, number>> = { properties: new Map(), measures: new Map() };

  function count(map: MapField, keys: Readonly<Record<string, unknown>>): void {
    const counted = counts[map];
    for (const key of Object.keys(keys)) {
      const before = counted.get(key);
      if (before !== undefined || counted.size < countedKeys) counted.set(key, (before ?? 0) + 1);
    }
  }

  return {
    observe(rows, has) {
      // Evenly spread, since a batch holds one partition after the other.
      const step = Math.max(1, Math.floor(rows.length / window));
      for (let i = 0; i < rows.length; i += step) {
        const { flat } = rows[i]!;
        for (const map of mapFields) count(map, flat[map]);
        seen++;
      }
      if (seen < window) return [];
      const least = Math.max(1, seen * share);
      const frequent = mapFields.flatMap((map) =>
        [...counts[map]]
          .filter(([key, events]) => events >= least && !has(map, key))
          .map(([key, events]) => ({ map, key, events })),
      );
      seen = 0;
      for (const map of mapFields) counts[map].clear();
      return frequent.sort((a, b) => b.events - a.events);
    },
  };
}
