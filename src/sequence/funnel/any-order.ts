/**
 * Steps in any order. What every live attempt has reached follows from the latest events that fill the most steps (see
 * LatestEvents): an attempt has reached as many steps as that basis has events from its start on. Attempts that have
 * reached the same step stand in one queue, and move on together.
 */
import type { FunnelQuestion } from "../sequence.ts";
import { AttemptQueue } from "./attempts.ts";
import { BestAttempt } from "./best.ts";
import { LatestEvents } from "./latest-events.ts";
import type { AttemptMachine } from "./machine.ts";

export class AnyOrderMachine implements AttemptMachine {
  readonly best: BestAttempt;
  done = false;

  readonly #steps: number;
  readonly #windowUs: number;
  readonly #startUs: number;
  readonly #endUs: number;
  readonly #firstOnly: boolean;
  readonly #latest: LatestEvents;
  /** `#latest.times` as they were before this instant. */
  readonly #before: Float64Array;
  /** The queue of step k at index k, from 1; that of the last step stays empty. */
  readonly #queues: AttemptQueue[];
  /** Bit k: queue k has attempts. */
  #live = 0;
  #started = false;
  #rows = 0;
  #timeUs = 0;
  /** Of this instant: its first event that matches a step (-1: none), and whether an excluded one matches none. */
  #firstRow = -1;
  #firstValue = 0;
  #excluded = false;
  #any = false;

  constructor(question: FunnelQuestion) {
    const { steps } = question;
    this.best = new BestAttempt(steps);
    this.#steps = steps;
    this.#windowUs = question.windowUs;
    this.#startUs = question.startUs ?? -Infinity;
    this.#endUs = question.endUs ?? Infinity;
    this.#firstOnly = question.entry === "first";
    this.#latest = new LatestEvents(steps);
    this.#before = new Float64Array(steps).fill(-Infinity);
    this.#queues = Array.from({ length: steps + 1 }, (_, step) => new AttemptQueue(Math.max(step, 1)));
  }

  begin(): void {
    this.best.reset();
    this.done = false;
    for (const queue of this.#queues) queue.reset();
    this.#latest.clear();
    this.#live = 0;
    this.#started = false;
    this.#rows = 0;
    this.#newInstant();
  }

  row(timeUs: number, steps: number, excluded: number, value: number): void {
    const row = this.#rows++;
    if (!this.#any) {
      this.#any = true;
      this.#timeUs = timeUs;
    }
    if (steps === 0) {
      if (excluded !== 0) this.#excluded = true;
      return;
    }
    this.#latest.add(timeUs, steps);
    if (this.#firstRow >= 0) return;
    this.#firstRow = row;
    this.#firstValue = value;
  }

  endInstant(): void {
    if (!this.#any) return;
    if (this.#firstRow >= 0) {
      this.#before.set(this.#latest.times);
      this.#latest.settle();
      this.#moveAll();
    }
    if (this.#excluded) this.#dropAll();
    if (this.#firstRow >= 0 && this.#mayStart()) this.#start();
    const closed = (this.#firstOnly && this.#started) || this.#timeUs >= this.#endUs;
    // Attempts that start later can only get as far.
    this.done = this.best.reached === this.#steps || (this.#live === 0 && closed);
    this.#newInstant();
  }

  #newInstant(): void {
    this.#firstRow = -1;
    this.#excluded = false;
    this.#any = false;
  }

  #mayStart(): boolean {
    if (this.#firstOnly && this.#started) return false;
    return this.#timeUs >= this.#startUs && this.#timeUs < this.#endUs;
  }

  #moveAll(): void {
    for (let waiting = this.#live; waiting !== 0; ) {
      const step = 31 - Math.clz32(waiting);
      waiting &= ~(1 << step);
      // Queue k holds the starts after the basis' event k + 1, and up to its event k.
      const reached = this.#latest.countAfter(this.#before[step]!);
      if (reached > step) this.#move(step, reached);
    }
  }

  #move(step: number, reached: number): void {
    const queue = this.#queues[step]!;
    this.#live &= ~(1 << step);
    queue.dropBefore(this.#timeUs - this.#windowUs);
    if (queue.empty) return;
    this.best.considerFirst(queue, reached, this.#timeUs);
    if (reached === this.#steps) {
      queue.clear();
    } else {
      this.#queues[reached]!.takeAll(queue, this.#timeUs);
      this.#live |= 1 << reached;
    }
  }

  /** Starts the attempt of the instant's first event; its others would get as far, and count less. */
  #start(): void {
    this.#started = true;
    let reached = 0;
    while (reached < this.#steps && this.#latest.times[reached] === this.#timeUs) reached++;
    this.best.considerStart(reached, this.#timeUs, this.#firstRow, this.#firstValue);
    if (reached === this.#steps) return;
    this.#queues[reached]!.start(this.#timeUs, this.#firstRow, this.#firstValue);
    this.#live |= 1 << reached;
  }

  #dropAll(): void {
    for (const queue of this.#queues) queue.clear();
    this.#live = 0;
  }
}
