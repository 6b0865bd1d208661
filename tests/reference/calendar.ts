/** Buckets and days, told by Intl one instant at a time. For zones whose offsets are whole quarters of an hour. */

export type Unit = "minute" | "hour" | "day" | "week" | "month";

/** In microseconds since 1970. */
export interface Bucket {
  readonly startUs: number;
  readonly endUs: number;
}

const minuteUs = 60e6;
const formats = new Map<string, Intl.DateTimeFormat>();
/** What the clock of a zone shows, by zone and minute. */
const shown = new Map<string, { readonly day: number; readonly hour: string; readonly offset: string }>();

function clock(zone: string, us: number) {
  const minute = Math.floor(us / minuteUs);
  const key = `${zone} ${minute}`;
  const known = shown.get(key);
  if (known) return known;
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      timeZoneName: "longOffset",
    });
  formats.set(zone, format);
  const parts = Object.fromEntries(
    format.formatToParts(minute * 60_000).map(({ type, value }) => [type, value]),
  );
  const day = Date.UTC(Number(parts.year), Number(parts.month) - 1, Number(parts.day)) / 86_400_000;
  const found = { day, hour: parts.hour!, offset: parts.timeZoneName! };
  shown.set(key, found);
  return found;
}

/** A name that all instants of a bucket share, and no instant of its neighbours. */
function nameOf(unit: Unit, zone: string, us: number): string {
  const { day, hour, offset } = clock(zone, us);
  switch (unit) {
    case "minute":
      return `${Math.floor(us / minuteUs)}`;
    case "hour":
      return `${day} ${hour} ${offset}`;
    case "day":
      return `${day}`;
    case "week":
      return `${Math.floor((day + 3) / 7)}`;
    case "month":
      return new Date(day * 86_400_000).toISOString().slice(0, 7);
  }
}

/** The buckets that [startUs, endUs) touches. */
export function bucketsOf(unit: Unit, zone: string, startUs: number, endUs: number): Bucket[] {
  if (endUs <= startUs) return [];
  const step = unit === "minute" ? minuteUs : 15 * minuteUs;
  const first = nameOf(unit, zone, startUs);
  let at = Math.floor(startUs / step) * step;
  while (nameOf(unit, zone, at - step) === first) at -= step;
  const buckets: Bucket[] = [];
  for (let from = at; from < endUs; from = at) {
    const name = nameOf(unit, zone, from);
    do at += step;
    while (nameOf(unit, zone, at) === name);
    buckets.push({ startUs: from, endUs: at });
  }
  return buckets;
}

/** How many different dates the zone's clock shows at these instants. */
export function countDates(zone: string, instants: readonly number[]): number {
  return new Set(instants.map((us) => clock(zone, us).day)).size;
}

/** How many different dates it shows from the first to the last instant, both included. */
export function countDatesBetween(zone: string, firstUs: number, lastUs: number): number {
  const instants = [lastUs];
  for (let at = firstUs; at < lastUs; at += 15 * minuteUs) instants.push(at);
  return countDates(zone, instants);
}
