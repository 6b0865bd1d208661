import type { CompareCodes } from "../sequence.ts";

/** Orders the events of one instant of a user by name, those of the same name as they come. */
export class InstantByName {
  readonly #compareCodes: CompareCodes;
  readonly #byName = new Map<number, { session: number; matches: boolean }[]>();

  constructor(compareCodes: CompareCodes) {
    this.#compareCodes = compareCodes;
  }

  add(name: number, session: number, matches: boolean): void {
    const event = { session, matches };
    const known = this.#byName.get(name);
    if (known) known.push(event);
    else this.#byName.set(name, [event]);
  }

  /** Visits the events, and forgets them. */
  drain(visit: (session: number, name: number, matches: boolean) => void): void {
    const names = [...this.#byName.keys()].sort(this.#compareCodes);
    for (const name of names) {
      for (const { session, matches } of this.#byName.get(name)!) visit(session, name, matches);
    }
    this.#byName.clear();
  }
}
