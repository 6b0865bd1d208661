import type { FunnelExclusion } from "../sequence.ts";

/** Which steps' attempts an excluded event ends: bit k for those that have reached step k. */
export function createEnds(
  exclusions: readonly FunnelExclusion[],
  steps: number,
): (excluded: number) => number {
  const spans = exclusions.map(({ from = 1, to = steps }) => (1 << to) - (1 << from));
  return (excluded) => {
    let ends = 0;
    for (let i = 0; i < spans.length; i++) if ((excluded & (1 << i)) !== 0) ends |= spans[i]!;
    return ends;
  };
}
