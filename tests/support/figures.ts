/** Asks a running server by REST, and waits until its store has all that its log has. */
import { expect, vi } from "vitest";

// biome-ignore lint/suspicious/noExplicitAny: answers are compared with what they are expected to be, whole
type Json = any;

/** The answer of a GET. @throws Error with status and body where it is not 200 */
export async function getJson(url: string, path: string, query: Record<string, string> = {}): Promise<Json> {
  const response = await fetch(`${url}${path}?${new URLSearchParams(query)}`);
  const body = await response.text();
  if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}: ${body}`);
  return JSON.parse(body);
}

/** Waits until this process knows everything on the log to be applied. @returns how many records the log has had */
export async function caughtUp(url: string): Promise<number> {
  const partitions = async (): Promise<{ end: number; applied: number }[]> =>
    (await getJson(url, "/lag")).partitions;
  const behind = ({ end, applied }: { end: number; applied: number }) => end > applied;
  await vi.waitFor(async () => expect((await partitions()).filter(behind)).toEqual([]), { timeout: 60_000 });
  return (await partitions()).reduce((sum, { end }) => sum + end, 0);
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
