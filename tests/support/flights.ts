/** The flights of January 2013 from New York: real events that stand beside the repository where they are there at all. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

export const flightsFile = fileURLToPath(
  new URL("../../../shared/data/flights-2013-01.ndjson.gz", import.meta.url),
);

export interface Flight {
  readonly id: string;
  readonly user_id: string;
  readonly session_id: string;
  readonly name: string;
  /** In whole seconds. */
  readonly timestamp: string;
  readonly source: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly measures: Readonly<Record<string, number>>;
}

/** Whether the tests over the flights are left out, which is said on standard output; never with CI=true. */
export function withoutFlights(): boolean {
  if (existsSync(flightsFile) || process.env.CI === "true") return false;
  console.log(`left out: tests over the flights, because ${flightsFile} is not there`);
  return true;
}

export function readFlights(): Flight[] {
  const text = gunzipSync(readFileSync(flightsFile)).toString();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Flight);
}

/** How often each value comes, the most frequent first, equal ones by their bytes. */
export function tally(values: Iterable<string>): { readonly value: string; readonly count: number }[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || Buffer.compare(Buffer.from(a.value), Buffer.from(b.value)));
}
