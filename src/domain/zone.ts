/**
 * Offsets of IANA time zones, by Node's own time zone data (Intl), as segments: asking Intl for an instant costs some
 * microseconds. What was found out about a zone is kept.
 */

/** A stretch of time with one offset. */
export interface OffsetSegment {
  /** First instant, in microseconds since 1970; the first segment reaches back without bound. */
  readonly startUs: number;
  /** Local time minus UTC, in microseconds. */
  readonly offsetUs: number;
}

export interface Zone {
  readonly name: string;
  /** The segments that [fromUs, toUs) touches, ascending; the first one's start may be later than its true one. */
  segments(fromUs: number, toUs: number): OffsetSegment[];
}

const secondMs = 1000;
/** No zone changes its offset and back within three days; the shortest such stretch since 1970 had seven. */
const stepMs = 3 * 86_400_000;
/** Where zones had no such stretches yet, or the data knows of none: before 1880 and from 2100 on. */
const wideStepMs = 60 * 86_400_000;
const wideBeforeMs = Date.UTC(1880, 0, 1);
const wideFromMs = Date.UTC(2100, 0, 1);
/** Zones whose formatters are kept. */
const maxZones = 100;

const zones = new Map<string, Zone>();

/** The zone of that name; undefined where there is none. */
export function zoneOf(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known) return known;
  // Intl would take an offset such as +01:00 too, which is no zone.
  if (!/^[A-Za-z]/.test(name)) return undefined;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    return undefined;
  }
  const zone = createZone(name, format);
  if (zones.size >= maxZones) zones.delete(zones.keys().next().value!);
  zones.set(name, zone);
  return zone;
}

function createZone(name: string, format: Intl.DateTimeFormat): Zone {
  const resolved = format.resolvedOptions().timeZone;
  const fixed = resolved === "UTC" || resolved === "Etc/UTC";

  function offsetMs(ms: number): number {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value);
    const { year, month, day, hour, minute, second } = parts as Record<string, number>;
    return Date.UTC(year!, month! - 1, day!, hour!, minute!, second!) - Math.floor(ms / secondMs) * secondMs;
  }

  /** First instant after `low` (whose offset is `before`), up to `high`, with another offset, to the second. */
  function change(low: number, high: number, before: number): number {
    let from = Math.floor(low / secondMs);
    let to = Math.ceil(high / secondMs);
    while (to - from > 1) {
      const middle = Math.floor((from + to) / 2);
      if (offsetMs(middle * secondMs) === before) from = middle;
      else to = middle;
    }
    return to * secondMs;
  }

  /** What was found out so far; undefined while nothing was. */
  let kept: Known | undefined;

  /** What [firstMs, lastMs] has, and maybe more. */
  function learn(firstMs: number, lastMs: number): Known {
    // Ages far away are found out anew, lest all the time between were.
    const near = firstMs >= wideBeforeMs && lastMs < wideFromMs;
    const known = (near ? kept : undefined) ?? {
      fromMs: firstMs,
      toMs: firstMs,
      segments: [{ startMs: firstMs, offsetMs: offsetMs(firstMs) }],
    };
    if (near) kept = known;
    const { segments } = known;
    while (known.toMs < lastMs) {
      const next = Math.min(known.toMs + stepAt(known.toMs), lastMs);
      const { offsetMs: before } = segments.at(-1)!;
      const then = offsetMs(next);
      if (then !== before) segments.push({ startMs: change(known.toMs, next, before), offsetMs: then });
      known.toMs = next;
    }
    while (known.fromMs > firstMs) {
      const previous = Math.max(known.fromMs - stepAt(known.fromMs), firstMs);
      const before = offsetMs(previous);
      const { offsetMs: then } = segments[0]!;
      const startMs = before === then ? previous : change(previous, known.fromMs, before);
      segments[0] = { startMs, offsetMs: then };
      if (before !== then) segments.unshift({ startMs: previous, offsetMs: before });
      known.fromMs = previous;
    }
    return known;
  }

  return {
    name,
    segments(fromUs, toUs) {
      if (fixed) return [{ startUs: fromUs, offsetUs: 0 }];
      const { segments } = learn(Math.floor(fromUs / 1000), Math.ceil(toUs / 1000));
      const first = Math.max(
        0,
        segments.findLastIndex(({ startMs }) => startMs * 1000 <= fromUs),
      );
      const after = segments.findIndex(({ startMs }) => startMs * 1000 >= toUs);
      return segments
        .slice(first, after === -1 ? undefined : Math.max(after, first + 1))
        .map(({ startMs, offsetMs: offset }, i) => ({
          startUs: i === 0 ? fromUs : startMs * 1000,
          offsetUs: offset * 1000,
        }));
    },
  };
}

function stepAt(ms: number): number {
  return ms < wideBeforeMs || ms >= wideFromMs ? wideStepMs : stepMs;
}

/** The segments of [fromMs, toMs], ascending; the first begins at fromMs. */
interface Known {
  fromMs: number;
  toMs: number;
  readonly segments: Segment[];
}

interface Segment {
  readonly startMs: number;
  readonly offsetMs: number;
}
