/** Asks a running server by REST, and waits until its store has all that its log has. */
import { expect, vi } from "vitest";

// biome-ignore lint/suspicious/noExplicitAny: answers are compared with what they are expected to be, whole
type Json = any;

/** The answer of a GET. @param key where one is needed @throws Error with status and body where it is not 200 */
export async function getJson(
  url: string,
  path: string,
  query: Record<string, string> = {},
  key?: string,
): Promise<Json> {
  const headers = key === undefined ? undefined : { "x-api-key": key };
  const response = await fetch(`${url}${path}?${new URLSearchParams(query)}`, headers && { headers });
  const body = await response.text();
  if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}: ${body}`);
  return JSON.parse(body);
}

interface PartitionLag {
  readonly partition: number;
  readonly end: number;
  readonly applied: number;
}

async function lagOf(url: string, key?: string): Promise<PartitionLag[]> {
  return (await getJson(url, "/lag", {}, key)).partitions;
}

/**
 * Waits until this process knows everything on the log to be applied.
 *
 * @param records how many records the log has had, where it may not know yet of the last ones. Default: it does
 * @param key of the platform, where one is needed
 * @returns how many records the log has had
 */
export async function caughtUp(url: string, records = 0, key?: string): Promise<number> {
  let ends = 0;
  const behind = async () => {
    const partitions = await lagOf(url, key);
    ends = partitions.reduce((sum, { end }) => sum + end, 0);
    return partitions.reduce((sum, { applied }) => sum - applied, Math.max(ends, records));
  };
  await vi.waitFor(async () => expect(await behind()).toBe(0), { timeout: 60_000 });
  return ends;
}

/** Waits until this process knows the record at this place of the log to be applied. */
export async function isApplied(
  url: string,
  place: { readonly partition: number; readonly offset: number },
): Promise<void> {
  const position = async () =>
    (await lagOf(url)).find(({ partition }) => partition === place.partition)?.applied;
  await vi.waitFor(async () => expect(await position()).toBeGreaterThan(place.offset), { timeout: 60_000 });
}

export function summary(url: string): Promise<Json> {
  return getJson(url, "/v1/analytics/summary");
}

/** Everything that a project has, newest first. */
export async function allEvents(url: string, query: Record<string, string> = {}): Promise<Json[]> {
  const events: Json[] = [];
  for (let token = ""; ; ) {
    const page = await getJson(url, "/v1/analytics/events", {
      ...query,
      page_size: "1000",
      ...(token === "" ? {} : { page_token: token }),
    });
    for (const { event } of page.events) events.push(event);
    token = page.next_page_token;
    if (token === "") return events;
  }
}
