/** Events of forty years, imported in one go: a part of ClickHouse holds months of receipt, however old the events are. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { caughtUp, getJson, summary } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { weir } from "../support/process.ts";
import type { RunningServer } from "../support/server.ts";

const firstYear = 1984;
const years = Array.from({ length: 40 }, (_, i) => firstYear + i);
/** Another number for each year. */
const eventsIn = (year: number) => 100 + 7 * (year - firstYear);
const months = Array.from({ length: 12 }, (_, i) => String(i + 1).padStart(2, "0"));
const users = 97;
const total = years.reduce((sum, year) => sum + eventsIn(year), 0);

/** From all months of each year, old and new in turns, so that each request has events of all times. */
function lines(): string {
  const events = years.flatMap((year) =>
    Array.from({ length: eventsIn(year) }, (_, i) => {
      const timestamp = `${year}-${months[i % months.length]}-15T12:00:00Z`;
      return { at: i, event: { id: `${year}-${i}`, user_id: `user-${i % users}`, name: "kept", timestamp } };
    }),
  );
  events.sort((a, b) => a.at - b.at);
  return events.map(({ event }) => `${JSON.stringify(event)}\n`).join("");
}

let installation: Installation;
let ingest: RunningServer;
let analytics: RunningServer;
beforeAll(async () => {
  installation = await startInstallation();
  ({ ingest, analytics } = await installation.serveEach());
});
afterAll(() => installation?.close());

it("events of forty years count in the month of each", async () => {
  const { code, stdout, stderr } = await weir(["send", "-", "--url", ingest.url, "--json"], {
    stdin: lines(),
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({ read: total, accepted: total, duplicates: 0, rejected: 0 });
  expect(await caughtUp(analytics.url, total)).toBe(total);
  const { groups } = await getJson(analytics.url, "/v1/analytics/timeseries", {
    metric: "events",
    granularity: "GRANULARITY_MONTH",
    "time_range.start": `${firstYear}-01-01T00:00:00Z`,
    "time_range.end": `${firstYear + years.length}-01-01T00:00:00Z`,
  });
  expect(groups[0].buckets).toEqual(
    years.flatMap((year) =>
      months.map((month, i) => ({
        start: `${year}-${month}-01T00:00:00Z`,
        partial: false,
        value: Math.ceil((eventsIn(year) - i) / months.length),
      })),
    ),
  );
  const answer = await summary(analytics.url);
  expect(answer).toMatchObject({
    total_events: String(total),
    unique_users: String(users),
    first_event_time: `${firstYear}-01-15T12:00:00Z`,
  });
});
