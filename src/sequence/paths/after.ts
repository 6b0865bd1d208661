import { type PathRecorder, Records } from "./recorder.ts";

/** From the first event that matches on. A record is how many names it holds, then the names. */
export class PathsAfter implements PathRecorder {
  readonly #records: Records;
  readonly #keepRepeats: boolean;

  constructor(levels: number, keepRepeats: boolean) {
    this.#records = new Records(1 + levels);
    this.#keepRepeats = keepRepeats;
  }

  clear(): void {
    this.#records.clear();
  }

  record(session: number, name: number, matches: boolean): void {
    const at = this.#records.at(session);
    const { data, width } = this.#records;
    const size = data[at]!;
    if (size === 0 && !matches) return;
    if (size === width - 1) return;
    if (size > 0 && !this.#keepRepeats && data[at + size] === name) return;
    data[at + 1 + size] = name;
    data[at] = size + 1;
  }

  forEach(visit: (names: Int32Array, start: number, end: number) => void): void {
    const { data, width, count } = this.#records;
    for (let at = 0; at < count * width; at += width) {
      if (data[at]! > 0) visit(data, at + 1, at + 1 + data[at]!);
    }
  }
}
