import type { Ranking } from "./sequence.ts";

/** The codes with the greatest counts, at most `limit` of them, greatest first, equal ones as `compareCodes` says. */
export function rankCodes(
  counts: ReadonlyMap<number, number>,
  { limit, compareCodes }: Ranking,
): readonly number[] {
  return [...counts]
    .sort(([a, countA], [b, countB]) => countB - countA || compareCodes(a, b))
    .slice(0, limit)
    .map(([code]) => code);
}
