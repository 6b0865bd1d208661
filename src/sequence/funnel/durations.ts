import type { Durations } from "../sequence.ts";

/** Average, median and p90 of at least one duration, in microseconds. Sorts its argument. */
export function summarise(durations: Float64Array): Durations {
  durations.sort();
  let sum = 0;
  for (const duration of durations) sum += duration;
  return {
    averageUs: sum / durations.length,
    medianUs: quantile(durations, 0.5),
    p90Us: quantile(durations, 0.9),
  };
}

/** By linear interpolation at rank p (n - 1). */
export function quantile(sorted: Float64Array, p: number): number {
  const rank = p * (sorted.length - 1);
  const below = Math.floor(rank);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (rank - below);
}
