/** A column of numbers that grows at its end. */
export class GrowingColumn {
  #data: Float64Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 1024) {
    this.#data = new Float64Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.#data.length) {
      this.#data = new Float64Array(this.#data.buffer.transfer(2 * this.#data.byteLength));
    }
    this.#data[this.length++] = value;
  }

  /** What it holds now, without a copy. */
  view(): Float64Array {
    return this.#data.subarray(0, this.length);
  }
}
