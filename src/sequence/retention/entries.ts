/**
 * Cohort entries of one user that returns may still change, earliest first. Returns come in order of time, so of each
 * entry the cells come in order too, and an entry that no later return can change leaves at the front: with periods as
 * long as those between the entries, there are never many more than cells in a row.
 */
import type { RetentionQuestion } from "../sequence.ts";

/** A user's entry into a cohort. */
interface Entry {
  readonly cohort: number;
  readonly startUs: number;
  /** Last cell that has been counted; -1: none. */
  counted: number;
}

/** Figures of the grid, row by row. */
export interface Grid {
  readonly sizes: Int32Array;
  /** `periods + 1` cells for each cohort. */
  readonly retained: Int32Array;
  /** Start event of the cohort's last user; -Infinity without one. */
  readonly lastStarts: Float64Array;
}

export class Entries {
  readonly #question: RetentionQuestion;
  readonly #grid: Grid;
  #live: Entry[] = [];
  #head = 0;
  /** Returns before it change nothing, the last one having counted everywhere. */
  #nextChangeUs = Infinity;

  constructor(question: RetentionQuestion, grid: Grid) {
    this.#question = question;
    this.#grid = grid;
  }

  clear(): void {
    this.#live = [];
    this.#head = 0;
    this.#nextChangeUs = Infinity;
  }

  get empty(): boolean {
    return this.#head === this.#live.length;
  }

  /** @param returned whether another event of the same instant is a return */
  enter(cohort: number, startUs: number, returned: boolean): void {
    const { sizes, lastStarts } = this.#grid;
    sizes[cohort]!++;
    lastStarts[cohort] = Math.max(lastStarts[cohort]!, startUs);
    const entry = { cohort, startUs, counted: -1 };
    this.#live.push(entry);
    if (returned) this.#count(entry, 0);
    this.#nextChangeUs = startUs;
  }

  /** Counts a return in period `period`, which is the last one of the question where it lies after that. */
  returned(timeUs: number, period: number): void {
    if (timeUs < this.#nextChangeUs) return;
    const { counting, periods, periodStarts } = this.#question;
    const calendar = counting.kind === "calendar";
    let next = calendar ? (periodStarts[period + 1] ?? Infinity) : Infinity;
    for (let i = this.#head; i < this.#live.length; i++) {
      const entry = this.#live[i]!;
      const cell = calendar ? period - entry.cohort : Math.floor((timeUs - entry.startUs) / counting.unitUs);
      if (cell > entry.counted) this.#count(entry, cell);
      if (!calendar) next = Math.min(next, entry.startUs + (cell + 1) * counting.unitUs);
      // Of a later start the cell is smaller, so this one is the first.
      if (cell >= periods) this.#head = i + 1;
    }
    this.#nextChangeUs = next;
    if (this.empty) this.clear();
  }

  #count(entry: Entry, cell: number): void {
    const { periods, returnRule } = this.#question;
    const row = entry.cohort * (periods + 1);
    const first = returnRule === "on" ? cell : entry.counted + 1;
    for (let i = first; i <= Math.min(cell, periods); i++) this.#grid.retained[row + i]!++;
    entry.counted = cell;
  }
}
