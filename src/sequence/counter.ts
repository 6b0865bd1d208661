const initialCapacity = 64;
const empty = -1;

/**
 * Counts how often each of many keys comes; keys are integers from 0 to 2^53 - 1. An open-addressed table in flat
 * arrays: several times faster than a Map for keys that are not small integers, and a third of its size.
 */
export class Counter {
  #keys = new Float64Array(initialCapacity).fill(empty);
  #counts = new Float64Array(initialCapacity);
  #size = 0;

  add(key: number, count = 1): void {
    const at = this.#find(key);
    if (this.#keys[at] === empty) {
      this.#keys[at] = key;
      this.#size++;
    }
    this.#counts[at]! += count;
    if (this.#size * 2 > this.#keys.length) this.#grow();
  }

  forEach(visit: (key: number, count: number) => void): void {
    for (let i = 0; i < this.#keys.length; i++) {
      if (this.#keys[i] !== empty) visit(this.#keys[i]!, this.#counts[i]!);
    }
  }

  /** Where the key is, or would go. */
  #find(key: number): number {
    const mask = this.#keys.length - 1;
    let hash = Math.imul((key >>> 0) ^ Math.imul(Math.floor(key / 2 ** 32), 0x9e3779b1), 0x85ebca6b);
    hash ^= hash >>> 15;
    let at = Math.imul(hash, 0xc2b2ae35) >>> 7;
    for (at &= mask; this.#keys[at] !== empty && this.#keys[at] !== key; ) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const keys = this.#keys;
    const counts = this.#counts;
    this.#keys = new Float64Array(2 * keys.length).fill(empty);
    this.#counts = new Float64Array(2 * keys.length);
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === empty) continue;
      const at = this.#find(keys[i]!);
      this.#keys[at] = keys[i]!;
      this.#counts[at] = counts[i]!;
    }
  }
}
