/**
 * Time buckets. Days, weeks and months are calendar units of a zone, with its days of 23 and 25 hours; a day begins at
 * its first existing instant. Hours and minutes are the local time cut with the offset in force, and a change of offset
 * starts a new bucket.
 */
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import { invalidField } from "../domain/errors.ts";
import type { OffsetSegment, Zone } from "../domain/zone.ts";

/** Most buckets of one question. */
export const maxBuckets = 10_000;
/** Most buckets times groups, or cohorts times periods, of one answer. */
const maxCells = 100_000;

/** Buckets of a range, in microseconds since 1970. */
export interface Buckets {
  /** Ascending; bucket i ends where i + 1 starts. */
  readonly starts: readonly number[];
  /** Where the last bucket ends. */
  readonly endUs: number;
}

const minuteUs = 60_000_000;
const dayUs = 1440 * minuteUs;
/** Longest day, week and month, with what a change of offset adds. */
const longestUs: Partial<Record<Granularity, number>> = {
  [Granularity.DAY]: 2 * dayUs,
  [Granularity.WEEK]: 9 * dayUs,
  [Granularity.MONTH]: 33 * dayUs,
};
const shortestUs: Partial<Record<Granularity, number>> = {
  [Granularity.MINUTE]: minuteUs,
  [Granularity.HOUR]: 60 * minuteUs,
  [Granularity.DAY]: dayUs,
  [Granularity.WEEK]: 7 * dayUs,
  [Granularity.MONTH]: 28 * dayUs,
};

/** What the asked range leaves open has no bound. */
interface Range {
  readonly startUs?: number;
  readonly endUs?: number;
}

/**
 * The buckets that [startUs, endUs) touches.
 *
 * @param field of the request that the buckets' length comes from
 * @throws WeirError INVALID_ARGUMENT for more than 10,000 buckets
 */
export function bucketsOf(
  granularity: Granularity,
  zone: Zone,
  startUs: number,
  endUs: number,
  field = "granularity",
): Buckets {
  if (endUs <= startUs) return { starts: [], endUs: startUs };
  // Before any of them is computed: a range of centuries is refused at once.
  const least = Math.floor((endUs - startUs) / shortestUs[granularity]!);
  if (least > maxBuckets + 40 * 366) throw tooMany(field, least);
  const longest = longestUs[granularity];
  const edges =
    longest === undefined
      ? clockEdges(granularity, zone, startUs, endUs)
      : calendarEdges(granularity, zone, startUs, endUs, longest);
  const [end] = edges.slice(-1);
  const starts = edges.slice(0, -1);
  if (starts.length > maxBuckets) throw tooMany(field, starts.length);
  return { starts, endUs: end! };
}

/** Starts of `count` calendar units from an instant on that starts one, and where the last of them ends. */
export function unitsFrom(granularity: Granularity, zone: Zone, startUs: number, count: number): number[] {
  const longest = longestUs[granularity]!;
  return calendarEdges(granularity, zone, startUs, startUs + count * longest, longest).slice(0, count + 1);
}

/** Starts of the calendar days that [startUs, endUs) touches, however many. */
export function daysOf(zone: Zone, startUs: number, endUs: number): number[] {
  return calendarEdges(Granularity.DAY, zone, startUs, endUs, longestUs[Granularity.DAY]!).slice(0, -1);
}

/** Starts of the units that the range touches, and the end of the last. */
function calendarEdges(
  granularity: Granularity,
  zone: Zone,
  startUs: number,
  endUs: number,
  longestUs: number,
): number[] {
  const segments = zone.segments(startUs - longestUs, endUs + longestUs);
  const next = nextUnit[granularity]!;
  const edges: number[] = [];
  let day = unitOf[granularity]!(localDay(segments, startUs));
  // A day that an earlier instant has begun may start after the range's: then the unit before holds the range's start.
  while (dayStart(segments, day) > startUs) day = unitOf[granularity]!(day - 1);
  for (; ; day = next(day)) {
    const at = dayStart(segments, day);
    if (at !== edges.at(-1)) edges.push(at);
    if (at >= endUs) return edges;
  }
}

/** First day of the unit that holds a day; days are numbered from 1970-01-01, a Thursday. */
const unitOf: Partial<Record<Granularity, (day: number) => number>> = {
  [Granularity.DAY]: (day) => day,
  [Granularity.WEEK]: (day) => day - ((((day + 3) % 7) + 7) % 7),
  [Granularity.MONTH]: (day) => {
    const date = new Date(day * 86_400_000);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / 86_400_000;
  },
};

const nextUnit: Partial<Record<Granularity, (day: number) => number>> = {
  [Granularity.DAY]: (day) => day + 1,
  [Granularity.WEEK]: (day) => day + 7,
  [Granularity.MONTH]: (day) => {
    const date = new Date(day * 86_400_000);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) / 86_400_000;
  },
};

function localDay(segments: readonly OffsetSegment[], us: number): number {
  const segment = segments.findLast(({ startUs }) => startUs <= us) ?? segments[0]!;
  return Math.floor((us + segment.offsetUs) / dayUs);
}

/** First instant whose local date is that day or later. */
function dayStart(segments: readonly OffsetSegment[], day: number): number {
  for (let i = 0; i < segments.length; i++) {
    const { startUs, offsetUs } = segments[i]!;
    const at = Math.max(startUs, day * dayUs - offsetUs);
    if (at < (segments[i + 1]?.startUs ?? Number.POSITIVE_INFINITY)) return at;
  }
  throw new RangeError("the segments do not reach that far");
}

function clockEdges(granularity: Granularity, zone: Zone, startUs: number, endUs: number): number[] {
  const width = shortestUs[granularity]!;
  const segments = zone.segments(startUs - width, endUs + width);
  const edges: number[] = [];
  for (let i = 0; i < segments.length; i++) {
    const { startUs: from, offsetUs } = segments[i]!;
    const to = segments[i + 1]?.startUs ?? Number.POSITIVE_INFINITY;
    if (to <= startUs) continue;
    const cut = Math.floor((Math.max(from, startUs) + offsetUs) / width) * width - offsetUs;
    // The first segment's start is no change of offset.
    let at = i === 0 ? cut : Math.max(from, cut);
    for (; at < to; at = Math.floor((at + offsetUs) / width) * width + width - offsetUs) {
      edges.push(at);
      if (at >= endUs) return edges;
    }
  }
  throw new RangeError("the segments do not reach that far");
}

function tooMany(field: string, count: number) {
  return invalidField(
    field,
    `the range has ${count} buckets, at most ${maxBuckets} are answered`,
    "buckets.max",
  );
}

/** Whether the asked range cuts bucket i; an open end cuts none. */
export function isPartial({ starts, endUs }: Buckets, i: number, asked: Range): boolean {
  const cutAtStart = asked.startUs !== undefined && starts[i]! < asked.startUs;
  return cutAtStart || (asked.endUs !== undefined && (starts[i + 1] ?? endUs) > asked.endUs);
}

type Count = readonly [count: number, what: string];

/**
 * @param field of the request that the second count comes from
 * @throws WeirError INVALID_ARGUMENT for more than 100,000 cells
 */
export function checkCells(field: string, [rows, whatRows]: Count, [columns, whatColumns]: Count): void {
  if (rows * columns <= maxCells) return;
  const cells = `${rows} ${whatRows} times ${columns} ${whatColumns}`;
  throw invalidField(field, `${cells} are more than ${maxCells} cells`, "cells.max");
}
