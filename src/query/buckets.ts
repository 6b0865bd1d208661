import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import { invalidField } from "../domain/errors.ts";

/** Most buckets of one question. */
export const maxBuckets = 10_000;

/** Buckets of a range in UTC, in microseconds since 1970. */
export interface Buckets {
  /** Ascending; bucket i ends where i + 1 starts. */
  readonly starts: readonly number[];
  /** Where the last bucket ends. */
  readonly endUs: number;
}

const minuteUs = 60_000_000;
const widths: Partial<Record<Granularity, number>> = {
  [Granularity.MINUTE]: minuteUs,
  [Granularity.HOUR]: 60 * minuteUs,
  [Granularity.DAY]: 1440 * minuteUs,
  [Granularity.WEEK]: 7 * 1440 * minuteUs,
};
/** 1970-01-01 was a Thursday: the week before it began on Monday 1969-12-29. */
const firstMondayUs = -3 * 1440 * minuteUs;

/**
 * The buckets that [startUs, endUs) touches.
 *
 * @throws WeirError INVALID_ARGUMENT for more than 10,000 buckets
 */
export function bucketsOf(granularity: Granularity, startUs: number, endUs: number): Buckets {
  if (endUs <= startUs) return { starts: [], endUs: startUs };
  const width = widths[granularity];
  if (width === undefined) return months(startUs, endUs);
  const origin = granularity === Granularity.WEEK ? firstMondayUs : 0;
  const first = Math.floor((startUs - origin) / width) * width + origin;
  const count = Math.ceil((endUs - first) / width);
  if (count > maxBuckets) throw tooMany(count);
  return { starts: Array.from({ length: count }, (_, i) => first + i * width), endUs: first + count * width };
}

function months(startUs: number, endUs: number): Buckets {
  const start = new Date(Math.floor(startUs / 1000));
  const monthUs = (index: number) => Date.UTC(1970, index) * 1000;
  let index = (start.getUTCFullYear() - 1970) * 12 + start.getUTCMonth();
  const starts: number[] = [];
  for (; monthUs(index) < endUs; index++) {
    starts.push(monthUs(index));
    if (starts.length > maxBuckets) throw tooMany(starts.length);
  }
  return { starts, endUs: monthUs(index) };
}

function tooMany(count: number) {
  return invalidField(
    "granularity",
    `the range has ${count} buckets, at most ${maxBuckets} are answered`,
    "buckets.max",
  );
}
