import { Numbering } from "../numbering.ts";
import type { SessionRule } from "../sequence.ts";

/** Tells which session each row of a user belongs to, rows coming by time. Sessions are numbered from 0 for each user. */
export class SessionTracker {
  readonly #gapUs: number;
  readonly #numbers = new Numbering();
  #count = 0;
  /** The session of the last row without a session_id, and that row's time. */
  #open = -1;
  #openUs = -Infinity;
  #lastCode = 0;
  #lastNumber = 0;

  constructor({ gapUs }: SessionRule) {
    this.#gapUs = gapUs;
  }

  /** Forgets the user before. */
  begin(): void {
    this.#numbers.clear();
    this.#count = 0;
    this.#open = -1;
    this.#openUs = -Infinity;
    this.#lastCode = 0;
  }

  /** @param code of the session_id, 0 without one */
  numberOf(timeUs: number, code: number): number {
    if (code === 0) {
      if (timeUs - this.#openUs > this.#gapUs) this.#open = this.#count++;
      this.#openUs = timeUs;
      return this.#open;
    }
    if (code === this.#lastCode) return this.#lastNumber;
    const number = this.#numbers.numberOf(code, this.#count);
    if (number === this.#count) this.#count++;
    this.#lastCode = code;
    this.#lastNumber = number;
    return number;
  }
}
