/**
 * Offsets of IANA time zones, by Node's own time zone data (Intl). They are computed once for a range and kept as
 * segments, since asking Intl for each event costs a microsecond and more.
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
/** No zone changes its offset and back within a day. */
const stepMs = 86_400_000;
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

  return {
    name,
    segments(fromUs, toUs) {
      const first = Math.floor(fromUs / 1000);
      const last = Math.ceil(toUs / 1000);
      if (fixed) return [{ startUs: fromUs, offsetUs: 0 }];
      let offset = offsetMs(first);
      const found: OffsetSegment[] = [{ startUs: fromUs, offsetUs: offset * 1000 }];
      for (let at = first; at < last; at += stepMs) {
        const next = Math.min(at + stepMs, last);
        const then = offsetMs(next);
        if (then === offset) continue;
        const changed = change(at, next, offset);
        offset = then;
        if (changed * 1000 < toUs) found.push({ startUs: changed * 1000, offsetUs: offset * 1000 });
      }
      return found;
    },
  };
}
