import { type AttemptQueue, rowAt, startAt, timesAt, valueAt } from "./attempts.ts";

/** The attempt of a user that counts so far: the furthest, then the earliest start, then the smallest row. */
export class BestAttempt {
  /** Step reached; 0 without an attempt. */
  reached = 0;
  startUs = 0;
  row = 0;
  value = 0;
  /** Time of step k at index k - 1, for the steps reached. */
  readonly times: Float64Array;

  constructor(steps: number) {
    this.times = new Float64Array(steps);
  }

  reset(): void {
    this.reached = 0;
  }

  beats(reached: number, startUs: number, row: number): boolean {
    if (reached !== this.reached) return reached > this.reached;
    return startUs < this.startUs || (startUs === this.startUs && row < this.row);
  }

  /** Considers an attempt that fills its steps up to `reached` at its start. */
  considerStart(reached: number, startUs: number, row: number, value: number): void {
    if (!this.beats(reached, startUs, row)) return;
    this.#take(reached, startUs, row, value);
    this.times.fill(startUs, 1, reached);
  }

  /** Considers the first attempt of a queue, which fills its next steps up to `reached` at `timeUs`. */
  considerFirst({ data, head, width }: AttemptQueue, reached: number, timeUs: number): void {
    const startUs = data[head + startAt]!;
    const row = data[head + rowAt]!;
    if (!this.beats(reached, startUs, row)) return;
    this.#take(reached, startUs, row, data[head + valueAt]!);
    const known = width - timesAt;
    for (let i = 0; i < known; i++) this.times[i + 1] = data[head + timesAt + i]!;
    this.times.fill(timeUs, known + 1, reached);
  }

  #take(reached: number, startUs: number, row: number, value: number): void {
    this.reached = reached;
    this.startUs = startUs;
    this.row = row;
    this.value = value;
    this.times[0] = startUs;
  }
}
