/**
 * Live attempts that have reached the same step, a record each in one flat array, by start, no two of the same start.
 * A record is: start, row, value, then the times of steps 2 to the queue's.
 *
 * Attempts come in at the tail and run out of their window at the head. No sorting is needed, as an attempt that started
 * earlier is never behind one that started later: it sees all events that the later one sees. So what moves up from a
 * lower queue started no earlier than all that a higher queue holds.
 */

/** Where a record holds what. */
export const startAt = 0;
export const rowAt = 1;
export const valueAt = 2;
export const timesAt = 3;

const initialRecords = 16;
/** Entries that are kept from one user to the next. */
const keptEntries = 1 << 16;

export class AttemptQueue {
  readonly step: number;
  /** Entries of a record. */
  readonly width: number;
  data: Float64Array;
  /** The records lie in [head, tail). */
  head = 0;
  #tail = 0;

  constructor(step: number) {
    this.step = step;
    this.width = timesAt + step - 1;
    this.data = new Float64Array(initialRecords * this.width);
  }

  get empty(): boolean {
    return this.head === this.#tail;
  }

  clear(): void {
    this.head = 0;
    this.#tail = 0;
  }

  /** Clears it, and gives back the memory of an unusual user. */
  reset(): void {
    this.clear();
    if (this.data.length > keptEntries) this.data = new Float64Array(initialRecords * this.width);
  }

  /** Drops the attempts that started before this. */
  dropBefore(startUs: number): void {
    while (this.head < this.#tail && this.data[this.head]! < startUs) this.head += this.width;
    if (this.empty) this.clear();
  }

  /** Keeps only the attempt of the earliest start. */
  keepFirst(): void {
    this.#tail = this.head + this.width;
  }

  /** Adds an attempt that has filled all its steps at its start, which is not before any other's here. */
  start(startUs: number, row: number, value: number): void {
    this.#reserve(this.width);
    const { data } = this;
    const at = this.#tail;
    data[at + startAt] = startUs;
    data[at + rowAt] = row;
    data[at + valueAt] = value;
    data.fill(startUs, at + timesAt, at + this.width);
    this.#tail += this.width;
  }

  /** Takes over all attempts of a lower queue, which fill the steps up to this queue's now, and empties it. */
  takeAll(lower: AttemptQueue, timeUs: number): void {
    this.#reserve(((lower.#tail - lower.head) / lower.width) * this.width);
    const { data } = this;
    let from = lower.head;
    let to = this.#tail;
    // Of two attempts of one start, which share their future, the one of the smaller row counts.
    if (!this.empty && data[to - this.width] === lower.data[from]) {
      if (lower.data[from + rowAt]! < data[to - this.width + rowAt]!) to -= this.width;
      else from += lower.width;
    }
    for (; from < lower.#tail; from += lower.width) {
      for (let i = 0; i < lower.width; i++) data[to + i] = lower.data[from + i]!;
      for (let i = lower.width; i < this.width; i++) data[to + i] = timeUs;
      to += this.width;
    }
    this.#tail = to;
    lower.clear();
  }

  #reserve(entries: number): void {
    if (this.#tail + entries <= this.data.length) return;
    const live = this.#tail - this.head;
    // Moving pays only where it frees half of the array; else each attempt might be moved again and again.
    if (this.head >= live && live + entries <= this.data.length) {
      this.data.copyWithin(0, this.head, this.#tail);
    } else {
      const grown = new Float64Array(2 * (live + entries));
      grown.set(this.data.subarray(this.head, this.#tail));
      this.data = grown;
    }
    this.head = 0;
    this.#tail = live;
  }
}
