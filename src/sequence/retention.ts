import { intervalAt } from "./intervals.ts";
import { Entries, type Grid } from "./retention/entries.ts";
import type { Machine, RetentionAnswer, RetentionCohort, RetentionQuestion, Rows } from "./sequence.ts";

const start = 1;
const comesBack = 2;

/**
 * Counts how many users of each cohort come back, and when, where a user enters a cohort in every period. Memory: the
 * grid, and of the user at hand the entries that may still change.
 *
 * @throws RangeError for a question that the types allow and the definition does not
 */
export function createRetention(question: RetentionQuestion): Machine<RetentionAnswer> {
  check(question);
  const { startUs, endUs, cohorts, periodStarts, periods } = question;
  const grid: Grid = {
    sizes: new Int32Array(cohorts),
    retained: new Int32Array(cohorts * (periods + 1)),
    lastStarts: new Float64Array(cohorts).fill(-Infinity),
  };
  const entries = new Entries(question, grid);
  let user: number | undefined;
  let time = 0;
  /** The period that `time` lies in; -1 before the first. */
  let period = -1;
  /** Whether an earlier row of this instant is a return. */
  let returned = false;
  /** The user's last entry's cohort; -1: none. */
  let entered = -1;

  function beginUser(next: number) {
    user = next;
    time = -Infinity;
    period = -1;
    entered = -1;
    entries.clear();
  }

  function row(mask: number) {
    const returns = (mask & comesBack) !== 0;
    // Its own entry, if it makes one, comes after: a start event is no return of its own.
    if (returns && !entries.empty) entries.returned(time, period);
    if ((mask & start) !== 0 && time >= startUs && time < endUs && period > entered) {
      entered = period;
      entries.enter(period, time, returned);
    }
    returned ||= returns;
  }

  return {
    push({ length, users, times, masks }: Rows) {
      for (let i = 0; i < length; i++) {
        if (users[i] !== user) beginUser(users[i]!);
        if (times[i] !== time) {
          time = times[i]!;
          returned = false;
          period = intervalAt(periodStarts, time, period);
        }
        row(masks[i]!);
      }
    },
    finish() {
      return { cohorts: Array.from({ length: cohorts }, (_, cohort) => cohortOf(grid, cohort, periods)) };
    },
  };
}

function cohortOf({ sizes, retained, lastStarts }: Grid, cohort: number, periods: number): RetentionCohort {
  const size = sizes[cohort]!;
  return {
    size,
    retained: [...retained.subarray(cohort * (periods + 1), (cohort + 1) * (periods + 1))],
    ...(size > 0 ? { lastStartUs: lastStarts[cohort]! } : {}),
  };
}

function check({ startUs, endUs, cohorts, periods, periodStarts, counting }: RetentionQuestion): void {
  if (!(periods >= 1 && periods <= 60)) throw new RangeError("retention has 1 to 60 periods");
  if (counting.kind === "rolling" && !(counting.unitUs > 0)) throw new RangeError("a unit is positive");
  if (cohorts === 0 && endUs <= startUs) return;
  const starts = cohorts + 1 + (counting.kind === "calendar" ? periods : 0);
  if (!(periodStarts.length >= starts)) throw new RangeError(`retention needs ${starts} starts of periods`);
  if (!(periodStarts[0]! <= startUs && endUs <= periodStarts[cohorts]!)) {
    throw new RangeError("the cohorts' periods cover the range");
  }
}
