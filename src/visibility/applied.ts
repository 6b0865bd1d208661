import type { AppliedPositions } from "./visibility.ts";

/** Positions that several sides move on, each of which tells so. */
export interface AppliedSteps extends AppliedPositions {
  step(): void;
}

export function createApplied(positions: () => readonly number[]): AppliedSteps {
  const listeners = new Set<() => void>();
  return {
    positions,
    onApplied(listener) {
      const own = () => listener();
      listeners.add(own);
      return () => listeners.delete(own);
    },
    step() {
      for (const listener of listeners) listener();
    },
  };
}
