import type { BestAttempt } from "./best.ts";

/** Finds the counted attempt of one user after another. */
export interface AttemptMachine {
  /** The counted attempt of the user's rows up to the last ended instant. */
  readonly best: BestAttempt;
  /** Nothing that may still come of this user changes `best`. */
  readonly done: boolean;
  /** Forgets the user before. */
  begin(): void;
  /** Takes the user's next row. `steps` has bit k - 1 where it matches step k. */
  row(timeUs: number, steps: number, excluded: number, value: number): void;
  /** All rows of the last row's time have come. */
  endInstant(): void;
}
