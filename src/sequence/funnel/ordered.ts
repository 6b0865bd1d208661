/**
 * Steps in the given order. All attempts that have reached the same step do the same from then on, until their window
 * ends, so they stand in one queue for each step and move on together; an instant touches only the queues that it
 * changes. Each attempt moves at most once a step, which bounds the work whatever a user does.
 */
import type { FunnelQuestion } from "../sequence.ts";
import { AttemptQueue } from "./attempts.ts";
import { BestAttempt } from "./best.ts";
import { createEnds } from "./exclusions.ts";
import { Instant } from "./instant.ts";
import type { AttemptMachine } from "./machine.ts";
import { StepMatching } from "./matching.ts";

export class OrderedMachine implements AttemptMachine {
  readonly best: BestAttempt;
  done = false;

  readonly #steps: number;
  readonly #windowUs: number;
  readonly #startUs: number;
  readonly #endUs: number;
  readonly #firstOnly: boolean;
  readonly #ends: (excluded: number) => number;
  readonly #instant: Instant;
  readonly #matching: StepMatching;
  /** The queue of step k at index k, from 1; that of the last step stays empty. */
  readonly #queues: AttemptQueue[];
  /** Bit k: queue k has attempts. */
  #live = 0;
  /** No further attempt may start, or could count. */
  #closed = false;
  #timeUs = 0;
  #rows = 0;
  /** Rows of this instant, the first one by its fields and, from two on, all of them in `#instant`. */
  #size = 0;
  #firstSteps = 0;
  #firstEnds = 0;
  #firstValue = 0;

  constructor(question: FunnelQuestion) {
    const { steps } = question;
    this.best = new BestAttempt(steps);
    this.#steps = steps;
    this.#windowUs = question.windowUs;
    this.#startUs = question.startUs ?? -Infinity;
    this.#endUs = question.endUs ?? Infinity;
    this.#firstOnly = question.entry === "first";
    this.#ends = createEnds(question.exclusions ?? [], steps);
    this.#instant = new Instant(steps);
    this.#matching = new StepMatching(steps);
    this.#queues = Array.from({ length: steps + 1 }, (_, step) => new AttemptQueue(Math.max(step, 1)));
  }

  begin(): void {
    this.best.reset();
    this.done = false;
    for (const queue of this.#queues) queue.reset();
    this.#live = 0;
    this.#closed = false;
    this.#rows = 0;
    this.#size = 0;
  }

  row(timeUs: number, steps: number, excluded: number, value: number): void {
    const ends = excluded === 0 ? 0 : this.#ends(excluded);
    const row = this.#rows++;
    if (this.#size++ === 0) {
      this.#timeUs = timeUs;
      this.#firstSteps = steps;
      this.#firstEnds = ends;
      this.#firstValue = value;
      return;
    }
    if (this.#size === 2) {
      this.#instant.clear();
      this.#instant.add(this.#firstSteps, this.#firstEnds, row - 1, this.#firstValue);
    }
    this.#instant.add(steps, ends, row, value);
  }

  endInstant(): void {
    if (this.#size === 0) return;
    if (this.#size === 1) this.#single();
    else this.#several();
    this.#size = 0;
    if (this.#firstOnly && this.best.reached > 0) this.#closed = true;
    if (this.best.reached === this.#steps) this.#keepSmallerRows();
    this.done = this.#live === 0 && (this.#closed || this.#timeUs >= this.#endUs);
  }

  /** One event: it takes each attempt at most one step further. */
  #single(): void {
    const steps = this.#firstSteps;
    const ended = this.#live & this.#firstEnds & ~steps;
    let moving = this.#live & steps;
    if (ended !== 0) this.#drop(ended);
    while (moving !== 0) {
      const step = 31 - Math.clz32(moving);
      moving &= ~(1 << step);
      this.#move(step, step + 1, false);
    }
    if ((steps & 1) !== 0 && this.#mayStart()) this.#start(1, this.#rows - 1, this.#firstValue);
  }

  /** Several events, which have no order among them. */
  #several(): void {
    const instant = this.#instant;
    this.#matching.load(instant.masks, instant.counts);
    for (let waiting = this.#live; waiting !== 0; ) {
      const step = 31 - Math.clz32(waiting);
      waiting &= ~(1 << step);
      const reached = step + this.#matching.fill(step);
      const ended = instant.ends(reached, (1 << reached) - (1 << step));
      if (reached > step) this.#move(step, reached, ended);
      else if (ended) this.#drop(1 << step);
    }
    if (this.#mayStart()) this.#startSeveral();
  }

  /** Starts attempts: of those that reach the same step at once only that of the smallest row can count. */
  #startSeveral(): void {
    const { masks, rows, values } = this.#instant;
    const first: { row: number; value: number }[] = [];
    const offer = (reached: number, row: number, value: number) => {
      if (first[reached] === undefined || row < first[reached].row) first[reached] = { row, value };
    };
    // Classes stand by their first rows, so the first one has the instant's first start.
    const all = masks.flatMap((mask, c) => ((mask & 1) !== 0 ? [c] : []));
    const starts = this.#firstOnly ? all.slice(0, 1) : all;
    const furthest = 1 + this.#matching.fill(1);
    const scarce = starts.filter((c) => this.#matching.exhausts(c));
    for (const c of starts) {
      offer(scarce.includes(c) ? 1 + this.#matching.fill(1, c) : furthest, rows[c]!, values[c]!);
    }
    first.forEach(({ row, value }, reached) => {
      this.#start(reached, row, value);
    });
  }

  #mayStart(): boolean {
    return !this.#closed && this.#timeUs >= this.#startUs && this.#timeUs < this.#endUs;
  }

  #start(reached: number, row: number, value: number): void {
    this.best.considerStart(reached, this.#timeUs, row, value);
    if (reached === this.#steps) return;
    this.#queues[reached]!.start(this.#timeUs, row, value);
    this.#live |= 1 << reached;
  }

  #move(step: number, reached: number, ended: boolean): void {
    const queue = this.#queues[step]!;
    this.#live &= ~(1 << step);
    queue.dropBefore(this.#timeUs - this.#windowUs);
    if (queue.empty) return;
    this.best.considerFirst(queue, reached, this.#timeUs);
    if (reached === this.#steps || ended) {
      queue.clear();
    } else {
      this.#queues[reached]!.takeAll(queue, this.#timeUs);
      this.#live |= 1 << reached;
    }
  }

  /** Drops all attempts of the queues of these bits. */
  #drop(queues: number): void {
    for (let step = 1; step < this.#steps; step++) {
      if ((queues & (1 << step)) !== 0) this.#queues[step]!.clear();
    }
    this.#live &= ~queues;
  }

  /** With all steps filled, an attempt of the same start and a smaller row is all that could still count instead. */
  #keepSmallerRows(): void {
    this.#closed = true;
    for (let step = 1; step < this.#steps; step++) {
      const queue = this.#queues[step]!;
      if (queue.empty) continue;
      if (this.best.beats(this.#steps, queue.data[queue.head]!, queue.data[queue.head + 1]!)) {
        queue.keepFirst();
      } else this.#drop(1 << step);
    }
  }
}
