import { type PathRecorder, Records } from "./recorder.ts";

/**
 * From the last event that matches backwards. A record is the path as of the last match, then the latest names, each as
 * in PathsAfter, the latest name first.
 */
export class PathsBefore implements PathRecorder {
  readonly #records: Records;
  readonly #levels: number;
  readonly #keepRepeats: boolean;

  constructor(levels: number, keepRepeats: boolean) {
    this.#records = new Records(2 * (1 + levels));
    this.#levels = levels;
    this.#keepRepeats = keepRepeats;
  }

  clear(): void {
    this.#records.clear();
  }

  record(session: number, name: number, matches: boolean): void {
    const path = this.#records.at(session);
    const { data } = this.#records;
    const latest = path + 1 + this.#levels;
    const size = data[latest]!;
    if (this.#keepRepeats || size === 0 || data[latest + 1] !== name) {
      data.copyWithin(latest + 2, latest + 1, latest + this.#levels);
      data[latest + 1] = name;
      data[latest] = Math.min(size + 1, this.#levels);
    }
    if (matches) data.copyWithin(path, latest, latest + 1 + this.#levels);
  }

  forEach(visit: (names: Int32Array, start: number, end: number) => void): void {
    const { data, width, count } = this.#records;
    for (let at = 0; at < count * width; at += width) {
      if (data[at]! > 0) visit(data, at + 1, at + 1 + data[at]!);
    }
  }
}
