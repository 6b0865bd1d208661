/**
 * Events of one instant of a user, as classes of those that match the same steps. Only as many classes are kept as can
 * matter: once `steps + 1` events match a step, it can be filled whatever the other steps and a start take. A start left
 * out gets no further than one kept, as not all of those can be needed to fill steps, and comes after it.
 */
export class Instant {
  readonly masks: number[] = [];
  readonly counts: number[] = [];
  /** Of each class its first event. */
  readonly rows: number[] = [];
  readonly values: number[] = [];
  /** Each different pair of what an excluded event matches and which steps it ends. */
  readonly excludedSteps: number[] = [];
  readonly excludedEnds: number[] = [];

  readonly #steps: number;
  readonly #classes = new Map<number, number>();
  /** Pairs seen, as one number. */
  readonly #excluded = new Set<number>();
  /** Events in classes by step. */
  readonly #held: number[];
  /** Steps with enough events. */
  #enough = 0;

  constructor(steps: number) {
    this.#steps = steps;
    this.#held = Array(steps).fill(0);
  }

  clear(): void {
    for (const list of [
      this.masks,
      this.counts,
      this.rows,
      this.values,
      this.excludedSteps,
      this.excludedEnds,
    ]) {
      list.length = 0;
    }
    this.#classes.clear();
    this.#excluded.clear();
    this.#held.fill(0);
    this.#enough = 0;
  }

  /** `ends` has bit k where the event, as an excluded one, ends attempts that have reached step k. */
  add(mask: number, ends: number, row: number, value: number): void {
    if (ends !== 0) this.#exclude(mask, ends);
    if (mask === 0) return;
    const known = this.#classes.get(mask);
    if (known !== undefined) {
      this.counts[known]!++;
      this.#hold(mask);
    } else if ((mask & ~this.#enough) !== 0) {
      this.#classes.set(mask, this.masks.length);
      this.masks.push(mask);
      this.counts.push(1);
      this.rows.push(row);
      this.values.push(value);
      this.#hold(mask);
    }
  }

  /** Whether an excluded event ends the attempts that reach a step, having filled the `filled` ones at this instant. */
  ends(step: number, filled: number): boolean {
    for (let i = 0; i < this.excludedEnds.length; i++) {
      if ((this.excludedEnds[i]! & (1 << step)) !== 0 && (this.excludedSteps[i]! & filled) === 0) return true;
    }
    return false;
  }

  #exclude(mask: number, ends: number): void {
    const pair = mask * 2 ** 21 + ends;
    if (this.#excluded.has(pair)) return;
    this.#excluded.add(pair);
    this.excludedSteps.push(mask);
    this.excludedEnds.push(ends);
  }

  #hold(mask: number): void {
    for (let step = 0; step < this.#steps; step++) {
      if ((mask & (1 << step)) !== 0 && ++this.#held[step]! > this.#steps) this.#enough |= 1 << step;
    }
  }
}
