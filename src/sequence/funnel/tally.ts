/** Adds up the counted attempts of all users, and keeps what exact times to convert need. */
import { GrowingColumn } from "../growing.ts";
import { rankCodes } from "../rank.ts";
import type { Durations, FunnelAnswer, FunnelQuestion, FunnelStep } from "../sequence.ts";
import type { BestAttempt } from "./best.ts";
import { summarise } from "./durations.ts";

export class FunnelTally {
  readonly #question: FunnelQuestion;
  /** Users of step k over all at index k - 1. */
  readonly #users: number[];
  /** Users of step 1 by code. */
  readonly #usersByCode = new Map<number, number>();
  /** A record for each user with at least two steps: code, step reached, time since the start of steps 2 to that one. */
  readonly #records = new GrowingColumn();

  constructor(question: FunnelQuestion) {
    this.#question = question;
    this.#users = Array(question.steps).fill(0);
  }

  add({ reached, value, times, startUs }: BestAttempt): void {
    if (reached === 0) return;
    for (let step = 1; step <= reached; step++) this.#users[step - 1]!++;
    if (this.#question.breakdown) this.#usersByCode.set(value, (this.#usersByCode.get(value) ?? 0) + 1);
    if (reached === 1) return;
    this.#records.push(value);
    this.#records.push(reached);
    for (let i = 1; i < reached; i++) this.#records.push(times[i]! - startUs);
  }

  finish(): FunnelAnswer {
    const { breakdown } = this.#question;
    const codes = breakdown ? rankCodes(this.#usersByCode, breakdown) : [];
    const grouping = this.#group(codes);
    // By group and step, other last.
    const groups: FunnelStep[][] = grouping.users.map(([users]) => [{ users: users! }]);
    const all: FunnelStep[] = [{ users: this.#users[0]! }];
    for (let step = 2; step <= this.#question.steps; step++) {
      const users = grouping.users.map((ofGroup) => ofGroup[step - 1]!);
      const times = this.#times(step, this.#users[step - 1]!, users, grouping.of);
      users.forEach((count, i) => {
        groups[i]!.push({ users: count, ...times.groups[i] });
      });
      all.push({ users: this.#users[step - 1]!, ...times.all });
    }
    const other = groups.pop()!;
    return {
      steps: all,
      groups: codes.map((code, i) => ({ code, steps: groups[i]! })),
      ...(breakdown && other[0]!.users > 0 ? { other } : {}),
    };
  }

  /** The group of each code, and the users of each group by step; the last group is other. */
  #group(codes: readonly number[]) {
    const index = new Map(codes.map((code, i) => [code, i]));
    const of = (code: number) => index.get(code) ?? codes.length;
    const users = Array.from({ length: codes.length + 1 }, () => Array<number>(this.#question.steps).fill(0));
    for (const [code, count] of this.#usersByCode) users[of(code)]![0]! += count;
    const records = this.#records.view();
    for (let at = 0; at < records.length; at += recordLength(records, at)) {
      const ofGroup = users[of(records[at]!)]!;
      for (let step = 2; step <= records[at + 1]!; step++) ofGroup[step - 1]!++;
    }
    return { of, users };
  }

  /** Times to a step, over `total` users and over those of each group, which are `users` many. */
  #times(step: number, total: number, users: readonly number[], groupOf: (code: number) => number) {
    const fromStart = new Float64Array(total);
    const fromPrevious = new Float64Array(total);
    let end = 0;
    const next = users.map((count) => {
      const start = end;
      end += count;
      return start;
    });
    const records = this.#records.view();
    for (let at = 0; at < records.length; at += recordLength(records, at)) {
      if (records[at + 1]! < step) continue;
      const place = next[groupOf(records[at]!)]!++;
      const time = records[at + step]!;
      fromStart[place] = time;
      fromPrevious[place] = step === 2 ? time : time - records[at + step - 1]!;
    }
    // After the loop each group's next place is its end.
    const slice = (times: Float64Array, i: number) => times.subarray(next[i]! - users[i]!, next[i]!);
    const groups = users.map((_, i) => summaries(slice(fromStart, i), slice(fromPrevious, i)));
    return { groups, all: summaries(fromStart, fromPrevious) };
  }
}

function recordLength(records: Float64Array, at: number): number {
  return 1 + records[at + 1]!;
}

function summaries(
  fromStart: Float64Array,
  fromPrevious: Float64Array,
): { fromStart?: Durations; fromPrevious?: Durations } {
  if (fromStart.length === 0) return {};
  return { fromStart: summarise(fromStart), fromPrevious: summarise(fromPrevious) };
}
