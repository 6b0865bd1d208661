/**
 * Each step by the user's very next event. An attempt that has reached step k now began k - 1 rows ago, so there is at
 * most one for each step, and a bit for each says which are alive (the Shift-And automaton of Baeza-Yates and Gonnet).
 *
 * An exclusion never changes anything here: no event comes between two steps, an excluded one either fills the next
 * step, and then does not count, or is not the next step's, and ends the attempt anyway.
 */
import type { FunnelQuestion } from "../sequence.ts";
import { BestAttempt } from "./best.ts";
import type { AttemptMachine } from "./machine.ts";

export class StrictMachine implements AttemptMachine {
  readonly best: BestAttempt;
  done = false;

  readonly #steps: number;
  readonly #windowUs: number;
  readonly #startUs: number;
  readonly #endUs: number;
  readonly #firstOnly: boolean;
  /** Of the last rows, by row modulo the steps. */
  readonly #times: Float64Array;
  readonly #values: Int32Array;
  #rows = 0;
  /** Bit k - 1: the last row is step k of an attempt. */
  #alive = 0;
  #started = false;

  constructor(question: FunnelQuestion) {
    this.best = new BestAttempt(question.steps);
    this.#steps = question.steps;
    this.#windowUs = question.windowUs;
    this.#startUs = question.startUs ?? -Infinity;
    this.#endUs = question.endUs ?? Infinity;
    this.#firstOnly = question.entry === "first";
    this.#times = new Float64Array(question.steps);
    this.#values = new Int32Array(question.steps);
  }

  begin(): void {
    this.best.reset();
    this.done = false;
    this.#rows = 0;
    this.#alive = 0;
    this.#started = false;
  }

  row(timeUs: number, steps: number, _excluded: number, value: number): void {
    const row = this.#rows++;
    this.#times[row % this.#steps] = timeUs;
    this.#values[row % this.#steps] = value;
    let alive = (this.#alive << 1) & steps;
    // The furthest began first; if its window has not ended, no other's has.
    for (let reached = 32 - Math.clz32(alive); alive !== 0; reached--) {
      if ((alive & (1 << (reached - 1))) === 0) continue;
      if (timeUs - this.#times[(row - reached + 1) % this.#steps]! <= this.#windowUs) break;
      alive &= ~(1 << (reached - 1));
    }
    if ((steps & 1) !== 0 && !(this.#firstOnly && this.#started) && this.#inRange(timeUs)) {
      this.#started = true;
      alive |= 1;
    }
    this.#alive = alive;
    const furthest = 32 - Math.clz32(alive);
    // Of attempts that get equally far the earliest gets there first.
    if (furthest > this.best.reached) this.#count(furthest, row);
    const closed = (this.#firstOnly && this.#started) || timeUs >= this.#endUs;
    this.done = this.best.reached === this.#steps || (alive === 0 && closed);
  }

  endInstant(): void {}

  #inRange(timeUs: number): boolean {
    return timeUs >= this.#startUs && timeUs < this.#endUs;
  }

  #count(reached: number, row: number): void {
    const first = row - reached + 1;
    const startUs = this.#times[first % this.#steps]!;
    this.best.considerStart(reached, startUs, first, this.#values[first % this.#steps]!);
    for (let i = 1; i < reached; i++) this.best.times[i] = this.#times[(first + i) % this.#steps]!;
  }
}
