/**
 * Cohort entries of one user that returns may still change, earliest first. Returns come in order of time, so of each
 * entry the cells come in order too, and an entry that no later return can change leaves at the front: with periods as
 * long as those between the entries, there are never many more than cells in a row.
 */
import type { RetentionQuestion } from "../sequence.ts";

/** Figures of the grid, row by row. */
export interface Grid {
  readonly sizes: Int32Array;
  /** `periods + 1` cells for each cohort. */
  readonly retained: Int32Array;
  /** Start event of the cohort's last user; -Infinity without one. */
  readonly lastStarts: Float64Array;
}

export class Entries {
  readonly #grid: Grid;
  readonly #periods: number;
  readonly #periodStarts: ArrayLike<number>;
  readonly #on: boolean;
  /** Length of a rolling period; 0: calendar. */
  readonly #unitUs: number;
  /** The entries that lie in [head, tail): cohort, start event's time, and the last cell counted (-1: none). */
  readonly #cohorts: Int32Array;
  readonly #startsUs: Float64Array;
  readonly #counted: Int32Array;
  #head = 0;
  #tail = 0;
  /** Returns before it change nothing, the last one having counted everywhere. */
  #nextChangeUs = Infinity;

  constructor({ periods, periodStarts, returnRule, counting, cohorts }: RetentionQuestion, grid: Grid) {
    this.#grid = grid;
    this.#periods = periods;
    this.#periodStarts = periodStarts;
    this.#on = returnRule === "on";
    this.#unitUs = counting.kind === "rolling" ? counting.unitUs : 0;
    // A user enters each cohort once.
    this.#cohorts = new Int32Array(cohorts);
    this.#startsUs = new Float64Array(cohorts);
    this.#counted = new Int32Array(cohorts);
  }

  clear(): void {
    this.#head = 0;
    this.#tail = 0;
    this.#nextChangeUs = Infinity;
  }

  get empty(): boolean {
    return this.#head === this.#tail;
  }

  /** @param returned whether another event of the same instant is a return */
  enter(cohort: number, startUs: number, returned: boolean): void {
    const { sizes, lastStarts } = this.#grid;
    sizes[cohort]!++;
    lastStarts[cohort] = Math.max(lastStarts[cohort]!, startUs);
    const at = this.#tail++;
    this.#cohorts[at] = cohort;
    this.#startsUs[at] = startUs;
    this.#counted[at] = -1;
    if (returned) this.#count(at, 0);
    this.#nextChangeUs = startUs;
  }

  /** Counts a return in period `period`, which is the last one of the question where it lies after that. */
  returned(timeUs: number, period: number): void {
    if (timeUs < this.#nextChangeUs) return;
    const unitUs = this.#unitUs;
    let next = unitUs === 0 ? (this.#periodStarts[period + 1] ?? Infinity) : Infinity;
    for (let i = this.#head; i < this.#tail; i++) {
      const startUs = this.#startsUs[i]!;
      const cell = unitUs === 0 ? period - this.#cohorts[i]! : Math.floor((timeUs - startUs) / unitUs);
      if (cell > this.#counted[i]!) this.#count(i, cell);
      if (unitUs > 0) next = Math.min(next, startUs + (cell + 1) * unitUs);
      // Of a later start the cell is no greater, so this one is the first.
      if (cell >= this.#periods) this.#head = i + 1;
    }
    this.#nextChangeUs = next;
  }

  #count(at: number, cell: number): void {
    const periods = this.#periods;
    const row = this.#cohorts[at]! * (periods + 1);
    const first = this.#on ? cell : this.#counted[at]! + 1;
    for (let i = first; i <= Math.min(cell, periods); i++) this.#grid.retained[row + i]!++;
    this.#counted[at] = cell;
  }
}
