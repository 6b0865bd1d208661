/** Remembers the path of each session of one user, while its events come by time. */
export interface PathRecorder {
  /** Forgets the sessions of the user before. */
  clear(): void;
  /** Takes a session's next event: its name, and whether it matches the anchor. */
  record(session: number, name: number, matches: boolean): void;
  /** Visits the names of each path from level 0 on, as entries [start, end) of an array. */
  forEach(visit: (names: Int32Array, start: number, end: number) => void): void;
}

/** A record of the same number of entries for each session, zero at first. */
export class Records {
  readonly width: number;
  data: Int32Array<ArrayBuffer>;
  #count = 0;

  constructor(width: number) {
    this.width = width;
    this.data = new Int32Array(16 * width);
  }

  get count(): number {
    return this.#count;
  }

  clear(): void {
    if (this.data.length > keptEntries) this.data = new Int32Array(16 * this.width);
    else this.data.fill(0, 0, this.#count * this.width);
    this.#count = 0;
  }

  /** Where a session's record begins, a new one's too. */
  at(session: number): number {
    if (session >= this.#count) {
      this.#count = session + 1;
      const needed = this.#count * this.width;
      if (needed > this.data.length) this.data = new Int32Array(this.data.buffer.transfer(8 * needed));
    }
    return session * this.width;
  }
}

/** Entries that are kept from one user to the next. */
const keptEntries = 1 << 16;
