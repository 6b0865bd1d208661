/** The texts inside timestamp("…") and duration("…"). Both answer whole microseconds, or say what is wrong. */

const timestampForm =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** RFC 3339, years 0001 to 9999. Digits beyond microseconds must be 0, because no event has them. */
export function timestampUs(text: string): bigint | string {
  const match = timestampForm.exec(text);
  if (!match) return `${JSON.stringify(text)} is no RFC 3339 time, such as "2024-01-01T00:00:00Z"`;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const fraction = (match[7] ?? "").padEnd(9, "0");
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal = year > 0 && date.getUTCDate() === day && date.getUTCMonth() === month - 1;
  const offsetMinutes = Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0);
  const isClock =
    hour < 24 && minute < 60 && second < 60 && offsetMinutes < 24 * 60 && Number(match[10] ?? 0) < 60;
  if (!isReal || !isClock) return `${JSON.stringify(text)} does not exist`;
  if (!fraction.endsWith("000")) return "times have microseconds, nothing finer";
  const ms = date.getTime() - (match[8] === "-" ? -1 : 1) * offsetMinutes * 60_000;
  return BigInt(ms) * 1000n + BigInt(fraction.slice(0, 6));
}

const nanoseconds: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);
const durationForm = /^([+-])?((?:\d{1,18}(?:\.\d{1,18})?(?:ns|us|µs|ms|s|m|h))+)$/;
const largestNs = 2n ** 63n - 1n;

/** CEL's duration: numbers with units h, m, s, ms, us, ns, at most about 292 years. */
export function durationUs(text: string): bigint | string {
  const match = durationForm.exec(text);
  if (!match)
    return `${JSON.stringify(text)} is no duration, such as "1h30m" or "1.5s"; units are h, m, s, ms, us, ns`;
  let ns = 0n;
  for (const [, whole, fraction = "", unit] of match[2]!.matchAll(/(\d+)(?:\.(\d+))?([a-zµ]+)/g)) {
    const factor = nanoseconds.get(unit!)!;
    const scaled = BigInt(whole! + fraction) * factor;
    const divisor = 10n ** BigInt(fraction.length);
    if (scaled % divisor !== 0n) return "durations have microseconds, nothing finer";
    ns += scaled / divisor;
  }
  if (ns > largestNs) return "the duration is longer than 292 years";
  if (ns % 1000n !== 0n) return "durations have microseconds, nothing finer";
  return (match[1] === "-" ? -ns : ns) / 1000n;
}
