/**
 * Fills steps with distinct events: a bipartite matching by augmenting paths (Kuhn's algorithm), where events of the
 * same steps are one class with a capacity.
 */
export class StepMatching {
  readonly #steps: number;
  /** Class that fills the step of an index; -1: none. */
  readonly #filledBy: Int32Array;
  #masks: readonly number[] = [];
  #capacity: readonly number[] = [];
  /** Class with one event less than its capacity says; -1: none. */
  #without = -1;
  readonly #used: number[] = [];
  /** Number of the search that visited a class last. */
  readonly #visited: number[] = [];
  #search = 0;

  constructor(steps: number) {
    this.#steps = steps;
    this.#filledBy = new Int32Array(steps);
  }

  /** Takes the classes of another instant: the steps that each one's events match, and how many events it has. */
  load(masks: readonly number[], counts: readonly number[]): void {
    this.#masks = masks;
    this.#capacity = counts;
  }

  /**
   * How many of the steps from index `from` on, one after another, distinct events can fill.
   *
   * @param without class of which one event is spoken for; -1: none
   */
  fill(from: number, without = -1): number {
    this.#without = without;
    for (let c = 0; c < this.#masks.length; c++) {
      this.#used[c] = 0;
      this.#visited[c] = 0;
    }
    this.#search = 0;
    this.#filledBy.fill(-1);
    let step = from;
    while (step < this.#steps) {
      this.#search++;
      if (!this.#augment(step)) break;
      step++;
    }
    return step - from;
  }

  /** Whether the last filling needs each event of a class. */
  exhausts(c: number): boolean {
    return this.#used[c]! >= this.#capacity[c]!;
  }

  #augment(step: number): boolean {
    for (let c = 0; c < this.#masks.length; c++) {
      if ((this.#masks[c]! & (1 << step)) === 0 || this.#visited[c] === this.#search) continue;
      this.#visited[c] = this.#search;
      if (this.#used[c]! < this.#capacity[c]! - (c === this.#without ? 1 : 0)) {
        this.#used[c]!++;
      } else if (!this.#moveOneOf(c)) continue;
      this.#filledBy[step] = c;
      return true;
    }
    return false;
  }

  /** Frees an event of a class by filling its step with another one. */
  #moveOneOf(c: number): boolean {
    for (let step = 0; step < this.#steps; step++) {
      if (this.#filledBy[step] === c && this.#augment(step)) return true;
    }
    return false;
  }
}
