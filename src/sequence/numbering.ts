const initialCapacity = 16;

/**
 * Numbers different keys from 0 in the order in which they come; keys are integers from 1 to 2^53 and look random, as
 * hashes do. Flat arrays that are cleared in no time: for a user after the other with a few keys each, a Map of keys that
 * are not small integers takes four times as long.
 */
export class Numbering {
  #keys = new Float64Array(initialCapacity);
  #numbers = new Int32Array(initialCapacity);
  /** In which round the place was taken: it is free in any other. */
  #rounds = new Int32Array(initialCapacity);
  #round = 1;
  #size = 0;

  clear(): void {
    this.#size = 0;
    if (this.#round === 0x7fffffff) {
      this.#rounds.fill(0);
      this.#round = 0;
    }
    this.#round++;
  }

  /** The key's number; where it is new, `next`. */
  numberOf(key: number, next: number): number {
    const mask = this.#keys.length - 1;
    let at = (key >>> 0) & mask;
    while (this.#rounds[at] === this.#round) {
      if (this.#keys[at] === key) return this.#numbers[at]!;
      at = (at + 1) & mask;
    }
    this.#put(at, key, next);
    if (++this.#size * 2 > this.#keys.length) this.#grow();
    return next;
  }

  #put(at: number, key: number, number: number): void {
    this.#keys[at] = key;
    this.#numbers[at] = number;
    this.#rounds[at] = this.#round;
  }

  #grow(): void {
    const [keys, numbers, rounds] = [this.#keys, this.#numbers, this.#rounds];
    const capacity = 2 * keys.length;
    this.#keys = new Float64Array(capacity);
    this.#numbers = new Int32Array(capacity);
    this.#rounds = new Int32Array(capacity);
    for (let i = 0; i < keys.length; i++) {
      if (rounds[i] !== this.#round) continue;
      let at = (keys[i]! >>> 0) & (capacity - 1);
      while (this.#rounds[at] === this.#round) at = (at + 1) & (capacity - 1);
      this.#put(at, keys[i]!, numbers[i]!);
    }
  }
}
