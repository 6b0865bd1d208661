/** What a server must say of the flights of January 2013, derived from their file. */
import { expect, it } from "vitest";
import { allEvents, getJson, summary } from "./figures.ts";
import { type Flight, flightsFile, tally } from "./flights.ts";
import { weir } from "./process.ts";

export interface FlightPlaces {
  /** URL of a process that answers from the store. */
  readonly analytics: string;
  /** What the file has. */
  readonly flights: readonly Flight[];
}

export const flightCount = 80_406;

/** Sends the file by `weir send`, and answers its tally. */
export async function sendFlights(url: string) {
  const { code, stdout, stderr } = await weir(["send", flightsFile, "--url", url, "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

const usersOf = (flights: readonly Flight[]) => new Set(flights.map((f) => f.user_id)).size;

/** Tests of a server that has the flights, each once, and nothing else. */
export function itHasTheFlights(places: FlightPlaces): void {
  it("are counted by the summary as the file has them", async () => {
    const answer = await summary(places.analytics);
    expect(answer).toMatchObject({
      total_events: "80406",
      unique_users: "3247",
      events_by_type: { custom: "80406" },
    });
    const counts = answer.top_events.map((top: { name: string; events: string }) => [top.name, top.events]);
    expect(counts).toEqual([
      ["flight_scheduled", "27004"],
      ["flight_departed", "26483"],
      ["flight_arrived", "26398"],
      ["flight_cancelled", "521"],
    ]);

    expect(Number(answer.total_events)).toBe(places.flights.length);
    expect(Number(answer.unique_users)).toBe(usersOf(places.flights));
    const times = places.flights.map((f) => f.timestamp).sort();
    expect(answer).toMatchObject({ first_event_time: times[0], last_event_time: times.at(-1) });
    expect(answer.top_events).toEqual(
      tally(places.flights.map((f) => f.name)).map(({ value, count }) => ({
        name: value,
        events: String(count),
        users: String(usersOf(places.flights.filter((f) => f.name === value))),
      })),
    );
  });

  it.each([
    { metric: "events", of: (some: readonly Flight[]) => some.length },
    { metric: "unique_users", of: usersOf },
    {
      metric: "sum(distance)",
      of: (some: readonly Flight[]) => some.reduce((sum, f) => sum + (f.measures.distance ?? 0), 0),
    },
  ])("break down by carrier in $metric", async ({ metric, of }) => {
    const answer = await getJson(places.analytics, "/v1/analytics/breakdown", {
      dimension: "carrier",
      metric,
      limit: "1000",
    });
    const carriers = tally(places.flights.map((f) => f.properties.carrier!)).map(({ value }) => value);
    const total = of(places.flights);
    const expected = carriers
      .map((carrier) => ({
        dimension_value: carrier,
        value: of(places.flights.filter((f) => f.properties.carrier === carrier)),
      }))
      .sort((a, b) => b.value - a.value || (a.dimension_value < b.dimension_value ? -1 : 1))
      .map((row) => ({ ...row, share: row.value / total }));
    expect(answer.total).toBe(total);
    expect(answer.rows).toEqual(expected);
  });

  it("make a daily series of January, event by event and user by user", async () => {
    const days = Array.from({ length: 31 }, (_, i) => `2013-01-${String(i + 1).padStart(2, "0")}`);
    for (const [metric, of] of [
      ["events", (some: readonly Flight[]) => some.length],
      ["unique_users", usersOf],
    ] as const) {
      const answer = await getJson(places.analytics, "/v1/analytics/timeseries", {
        metric,
        granularity: "GRANULARITY_DAY",
        "time_range.start": "2013-01-01T00:00:00Z",
        "time_range.end": "2013-02-01T00:00:00Z",
      });
      expect(answer.groups).toHaveLength(1);
      expect(answer.groups[0].total).toBe(of(places.flights.filter((f) => f.timestamp < "2013-02-01")));
      expect(answer.groups[0].buckets).toEqual(
        days.map((day) => ({
          start: `${day}T00:00:00Z`,
          partial: false,
          value: of(places.flights.filter((f) => f.timestamp.startsWith(day))),
        })),
      );
    }
  });

  it("have the names, properties and measures of the file", async () => {
    const listed = (values: Iterable<string>) =>
      tally(values).map(({ value, count }) => ({ name: value, events: String(count) }));
    expect(await getJson(places.analytics, "/v1/analytics/dimensions")).toMatchObject({
      names: listed(places.flights.map((f) => f.name)),
      properties: listed(places.flights.flatMap((f) => Object.keys(f.properties))),
      measures: listed(places.flights.flatMap((f) => Object.keys(f.measures))),
    });
  });

  it("show one user whole", async () => {
    const userId = tally(places.flights.map((f) => f.user_id))[0]!.value;
    const own = places.flights
      .filter((f) => f.user_id === userId)
      .sort((a, b) => (a.timestamp < b.timestamp || (a.timestamp === b.timestamp && a.id < b.id) ? -1 : 1));
    const last: Record<string, string> = {};
    for (const { properties } of own) Object.assign(last, properties);
    const { profile, events } = await getJson(places.analytics, `/v1/analytics/users/${userId}`, {
      page_size: "1000",
    });
    expect(profile).toEqual({
      user_id: userId,
      first_event_time: own[0]!.timestamp,
      last_event_time: own.at(-1)!.timestamp,
      total_events: String(own.length),
      events_by_name: tally(own.map((f) => f.name)).map(({ value, count }) => ({
        name: value,
        events: String(count),
      })),
      properties: last,
    });
    expect(events.map(({ event }: { event: Flight }) => event)).toEqual(own.reverse());
  });

  it("come back from a filtered list as they were sent", async () => {
    const filter = 'name == "flight_cancelled" && properties.carrier in ["UA", "AA"]';
    const expected = places.flights.filter(
      (f) => f.name === "flight_cancelled" && ["UA", "AA"].includes(f.properties.carrier!),
    );
    const byId = (a: Flight, b: Flight) => (a.id < b.id ? -1 : 1);
    expect((await allEvents(places.analytics, { filter })).sort(byId)).toEqual(expected.sort(byId));
  });
}
