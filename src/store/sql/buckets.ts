import type { SqlEngine } from "./engine.ts";
import { type Fragment, sql, trusted } from "./fragment.ts";

/** Consecutive buckets of one width, in microseconds. */
interface Run {
  readonly firstBucket: number;
  readonly startUs: number;
  readonly widthUs: number;
}

/**
 * Number of the bucket, from 0, that an instant within [starts[0], endUs) lies in. Buckets of one width in a row are
 * found by a division; a binary tree of comparisons tells the runs apart, of which a time zone's days have two a year.
 *
 * @param starts ascending, at least one
 */
export function bucketOf(
  engine: SqlEngine,
  timestamp: Fragment,
  starts: readonly number[],
  endUs: number,
): Fragment {
  const runs = runsOf(starts, endUs);
  const within = (low: number, high: number): Fragment => {
    if (high - low === 1) {
      const { firstBucket, startUs, widthUs } = runs[low]!;
      return sql`(${integer(firstBucket)} + ${engine.divide(sql`(${timestamp} - ${integer(startUs)})`, integer(widthUs))})`;
    }
    const middle = (low + high) >> 1;
    return sql`CASE WHEN ${timestamp} < ${integer(runs[middle]!.startUs)} THEN ${within(low, middle)} ELSE ${within(middle, high)} END`;
  };
  return within(0, runs.length);
}

function runsOf(starts: readonly number[], endUs: number): Run[] {
  const runs: Run[] = [];
  let width = Number.NaN;
  starts.forEach((startUs, firstBucket) => {
    const widthUs = (starts[firstBucket + 1] ?? endUs) - startUs;
    if (widthUs !== width) runs.push({ firstBucket, startUs, widthUs });
    width = widthUs;
  });
  return runs;
}

/** An integer in the text itself: thousands of parameters are slow to bind, and a number cannot be anything else. */
function integer(value: number): Fragment {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no integer`);
  return trusted(value < 0 ? `(${value})` : String(value));
}
