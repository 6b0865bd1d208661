/**
 * The latest events that fill as many steps as possible. Sets of events that different steps can be filled with are the
 * independent sets of a transversal matroid, and this is its basis of the latest events: among the events from any
 * instant to now, as many steps can be filled as the basis has events from that instant on. So a handful of events
 * stands for every attempt's state.
 */
export class LatestEvents {
  /** Times of the basis' events, latest first; -Infinity beyond its size. */
  readonly times: Float64Array;

  readonly #steps: number;
  /** Which step is filled, and of each its event: time and the steps that it matches. */
  #filled = 0;
  readonly #timeOf: Float64Array;
  readonly #maskOf: Int32Array;
  /** Of a step that a search reached: the step whose event may move here; -1: the new event itself. */
  readonly #from: Int32Array;
  readonly #queue: Int32Array;

  constructor(steps: number) {
    this.#steps = steps;
    this.times = new Float64Array(steps).fill(-Infinity);
    this.#timeOf = new Float64Array(steps);
    this.#maskOf = new Int32Array(steps);
    this.#from = new Int32Array(steps);
    this.#queue = new Int32Array(steps);
  }

  clear(): void {
    this.#filled = 0;
    this.times.fill(-Infinity);
  }

  /**
   * Adds an event that matches a step and is not earlier than any before. Where no more steps can be filled with it, it
   * takes the place of the earliest event that is then dispensable.
   */
  add(timeUs: number, mask: number): void {
    let reached = 0;
    let earliest = -1;
    let size = this.#reach(mask, -1, 0);
    reached |= mask;
    for (let i = 0; i < size; i++) {
      const step = this.#queue[i]!;
      if ((this.#filled & (1 << step)) === 0) {
        this.#place(step, timeUs, mask);
        return;
      }
      if (earliest < 0 || this.#timeOf[step]! < this.#timeOf[earliest]!) earliest = step;
      const next = this.#maskOf[step]! & ~reached;
      size = this.#reach(next, step, size);
      reached |= next;
    }
    this.#place(earliest, timeUs, mask);
  }

  /** Brings `times` up to date with what was added. */
  settle(): void {
    const { times } = this;
    let size = 0;
    for (let step = 0; step < this.#steps; step++) {
      if ((this.#filled & (1 << step)) === 0) continue;
      const time = this.#timeOf[step]!;
      let at = size++;
      for (; at > 0 && times[at - 1]! < time; at--) times[at] = times[at - 1]!;
      times[at] = time;
    }
  }

  /** How many steps the events after an instant can fill. */
  countAfter(timeUs: number): number {
    let count = 0;
    while (count < this.#steps && this.times[count]! > timeUs) count++;
    return count;
  }

  #reach(steps: number, from: number, size: number): number {
    let end = size;
    for (let rest = steps; rest !== 0; rest &= rest - 1) {
      const step = 31 - Math.clz32(rest & -rest);
      this.#from[step] = from;
      this.#queue[end++] = step;
    }
    return end;
  }

  /** Moves events along the path that led to a step, whose own event goes, and puts the new one at its beginning. */
  #place(step: number, timeUs: number, mask: number): void {
    this.#filled |= 1 << step;
    let to = step;
    for (let from = this.#from[to]!; from >= 0; from = this.#from[to]!) {
      this.#timeOf[to] = this.#timeOf[from]!;
      this.#maskOf[to] = this.#maskOf[from]!;
      to = from;
    }
    this.#timeOf[to] = timeUs;
    this.#maskOf[to] = mask;
  }
}
