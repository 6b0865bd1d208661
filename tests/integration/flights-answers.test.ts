/**
 * Questions about the flights of January 2013, each answered once more here by loops over the file: local days, delays
 * by airport, carriers, trips as sessions, one aircraft.
 */
import { create, fromJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { type Flight, readFlights, tally, withoutFlights } from "../support/flights.ts";
import { type AskedMethod, type AskService, askService } from "../support/query.ts";
import { createFeed, type TemporaryStore, temporaryStore } from "../support/store.ts";

/** New York is five hours behind UTC all January. */
const behindMs = 5 * 3_600_000;
const localDay = (flight: Flight) =>
  new Date(Date.parse(flight.timestamp) - behindMs).toISOString().slice(0, 10);
const days = Array.from({ length: 31 }, (_, i) => `2013-01-${String(i + 1).padStart(2, "0")}`);
const january = { start: "2013-01-01T05:00:00Z", end: "2013-02-01T05:00:00Z" };

/** The values by key, in the file's order. */
function gather<T>(
  flights: readonly Flight[],
  keyOf: (flight: Flight) => string,
  pick: (flight: Flight) => T,
): Map<string, T[]> {
  const values = new Map<string, T[]>();
  for (const flight of flights) {
    const key = keyOf(flight);
    const some = values.get(key) ?? [];
    some.push(pick(flight));
    values.set(key, some);
  }
  return values;
}

/** At rank p (n - 1), between the two neighbours in proportion. */
function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = p * (sorted.length - 1);
  const below = sorted[Math.floor(rank)]!;
  return below + (rank % 1) * (sorted[Math.ceil(rank)]! - below);
}

describe.skipIf(withoutFlights())("of the flights of January 2013", () => {
  let temporary: TemporaryStore;
  let flights: Flight[];
  let ask: AskService;
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared with what they are expected to be, whole
  const answer = async (method: AskedMethod, request: object): Promise<any> =>
    ask(method, "p", JSON.parse(JSON.stringify(request)));

  beforeAll(async () => {
    flights = readFlights();
    temporary = await temporaryStore();
    ask = askService(temporary.store);
    const feed = createFeed();
    for (let first = 0; first < flights.length; first += 10_000) {
      const part = flights.slice(first, first + 10_000);
      const events = part.map((flight) => ({
        event: create(EventSchema, fromJson(EventSchema, JSON.parse(JSON.stringify(flight)))),
      }));
      await temporary.store.apply(feed.blocks(events).blocks);
    }
  });
  afterAll(() => temporary?.remove());

  it("each day in New York has its departures and its aircraft", async () => {
    const departed = flights.filter((f) => f.name === "flight_departed");
    const byDay = gather(departed, localDay, (f) => f.user_id);
    for (const [metric, of] of [
      ["events", (users: readonly string[]) => users.length],
      ["unique_users", (users: readonly string[]) => new Set(users).size],
    ] as const) {
      const { groups } = await answer("getTimeSeries", {
        metric,
        filter: 'name == "flight_departed"',
        timeZone: "America/New_York",
        timeRange: january,
      });
      expect(groups).toHaveLength(1);
      expect(groups[0].buckets).toEqual(
        days.map((day) => ({ start: `${day}T05:00:00Z`, partial: false, value: of(byDay.get(day) ?? []) })),
      );
      const inJanuary = days.flatMap((day) => byDay.get(day) ?? []);
      expect(groups[0].total).toBe(of(inJanuary));
    }
  });

  it.each([
    ["p50", 0.5],
    ["p95", 0.95],
  ] as const)("each airport of departure has its delay %s", async (name, p) => {
    const delayed = flights.filter((f) => f.measures.dep_delay !== undefined);
    const byOrigin = gather(
      delayed,
      (f) => f.properties.origin!,
      (f) => f.measures.dep_delay!,
    );
    const { rows, total, other } = await answer("getBreakdown", {
      dimension: "origin",
      metric: `${name}(dep_delay)`,
    });
    // Ranked by events, those without a delay included.
    const origins = tally(flights.map((f) => f.properties.origin!));
    expect(rows).toEqual(
      origins.map(({ value }) => ({
        dimension_value: value,
        value: expect.closeTo(quantile(byOrigin.get(value)!, p), 9),
      })),
    );
    expect(rows).toHaveLength(3);
    expect(other).toBeUndefined();
    expect(total).toBeCloseTo(
      quantile(
        delayed.map((f) => f.measures.dep_delay!),
        p,
      ),
      9,
    );
  });

  it("each local day and airport has its delay p95, and an early morning none", async () => {
    const { groups } = await answer("getTimeSeries", {
      metric: "p95(dep_delay)",
      granularity: "GRANULARITY_HOUR",
      timeZone: "America/New_York",
      timeRange: { start: "2013-01-05T05:00:00Z", end: "2013-01-06T05:00:00Z" },
      groupBy: ["origin"],
      limit: 1,
    });
    const ofDay = flights.filter((f) => localDay(f) === "2013-01-05");
    const [busiest] = tally(ofDay.map((f) => f.properties.origin!));
    const delays = gather(
      ofDay.filter((f) => f.properties.origin === busiest!.value && f.measures.dep_delay !== undefined),
      (f) => `${f.timestamp.slice(0, 13)}:00:00Z`,
      (f) => f.measures.dep_delay!,
    );
    expect(groups[0].dimension_values).toEqual([busiest!.value]);
    expect(groups[0].buckets).toHaveLength(24);
    for (const { start, value } of groups[0].buckets) {
      const known = delays.get(start);
      if (known === undefined) expect(value).toBeUndefined();
      else expect(value).toBeCloseTo(quantile(known, 0.95), 9);
    }
    expect(groups[0].buckets[3]).not.toHaveProperty("value");
  });

  it("each carrier has its part, and the others together theirs", async () => {
    const carriers = tally(flights.map((f) => f.properties.carrier!));
    const { rows, other, total } = await answer("getBreakdown", { dimension: "carrier", limit: 4 });
    expect(rows).toEqual(
      carriers.slice(0, 4).map(({ value, count }) => ({
        dimension_value: value,
        value: count,
        share: count / flights.length,
      })),
    );
    const rest = carriers.slice(4).reduce((sum, { count }) => sum + count, 0);
    expect(other).toEqual({ dimension_value: "", value: rest, share: rest / flights.length });
    expect(total).toBe(flights.length);

    const users = await answer("getBreakdown", { dimension: "carrier", metric: "unique_users", limit: 4 });
    const usersOf = (some: readonly Flight[]) => new Set(some.map((f) => f.user_id)).size;
    const byUsers = [...new Set(flights.map((f) => f.properties.carrier!))]
      .map((value) => ({ value, users: usersOf(flights.filter((f) => f.properties.carrier === value)) }))
      .sort((a, b) => b.users - a.users || (a.value < b.value ? -1 : 1));
    expect(
      users.rows.map((row: { dimension_value: string; value: number }) => [row.dimension_value, row.value]),
    ).toEqual(byUsers.slice(0, 4).map(({ value, users: count }) => [value, count]));
    const ranked = new Set(byUsers.slice(0, 4).map(({ value }) => value));
    expect(users.other.value).toBe(usersOf(flights.filter((f) => !ranked.has(f.properties.carrier!))));
  });

  it("each week's aircraft fly again in the weeks that follow", async () => {
    // The week of the first of January begins on Monday the 31st of December.
    const weekOf = (flight: Flight) =>
      Math.floor((Date.parse(flight.timestamp) - Date.parse("2012-12-31T05:00:00Z")) / (7 * 86_400_000));
    const weeks = gather(flights, (f) => f.user_id, weekOf);
    const grid = (cohortsOf: (own: readonly number[]) => readonly number[]) =>
      [0, 1, 2, 3, 4].map((cohort) => {
        const members = [...weeks.values()].filter((own) => cohortsOf(own).includes(cohort));
        const flew = (week: number) => members.filter((own) => own.includes(week)).length;
        const again = members.filter((own) => own.filter((week) => week === cohort).length > 1).length;
        return {
          size: members.length,
          retained: [again, flew(cohort + 1), flew(cohort + 2), flew(cohort + 3)],
        };
      });
    const ask = async (cohortEntry: string) => {
      const { cohorts } = await answer("getRetention", {
        timeRange: january,
        timeZone: "America/New_York",
        period: "RETENTION_PERIOD_WEEK",
        periods: 3,
        cohortEntry,
      });
      // biome-ignore lint/suspicious/noExplicitAny: as of `answer`
      return cohorts.map(({ size, cells }: any) => ({
        size: Number(size),
        // biome-ignore lint/suspicious/noExplicitAny: as of `answer`
        retained: cells.map(({ retained }: any) => Number(retained)),
      }));
    };
    const firstEver = await ask("RETENTION_COHORT_ENTRY_FIRST_EVER");
    expect(firstEver).toEqual(grid((own) => [Math.min(...own)]));
    expect(firstEver[0].size).toBeGreaterThan(1000);
    expect(await ask("RETENTION_COHORT_ENTRY_RECURRING")).toEqual(grid((own) => own));
  });

  it("each trip is a session, on the day and with the carrier of its first event", async () => {
    const trips = new Map<string, Flight>();
    for (const flight of flights) {
      const key = `${flight.user_id} ${flight.session_id}`;
      const first = trips.get(key);
      const earlier =
        first === undefined ||
        flight.timestamp < first.timestamp ||
        (flight.timestamp === first.timestamp && flight.id < first.id);
      if (earlier) trips.set(key, flight);
    }
    const firsts = [...trips.values()];
    const { sessions } = await answer("getAnalyticsSummary", { includeSessions: true });
    expect(sessions).toBe(String(firsts.length));
    expect(await answer("getAnalyticsSummary", {})).not.toHaveProperty("sessions");

    const series = await answer("getTimeSeries", { metric: "sessions", timeZone: "America/New_York" });
    const perDay = new Map(tally(firsts.map(localDay)).map(({ value, count }) => [value, count]));
    for (const { start, value } of series.groups[0].buckets) {
      expect(value, start).toBe(perDay.get(start.slice(0, 10)) ?? 0);
    }
    expect(series.groups[0].total).toBe(firsts.length);

    const { rows } = await answer("getBreakdown", { dimension: "carrier", metric: "sessions", limit: 100 });
    expect(
      rows.map((row: { dimension_value: string; value: number }) => [row.dimension_value, row.value]),
    ).toEqual(tally(firsts.map((f) => f.properties.carrier!)).map(({ value, count }) => [value, count]));
  });

  it("one aircraft has its trips, latest first, and its days", async () => {
    const userId = tally(flights.map((f) => f.user_id))[0]!.value;
    const own = flights.filter((f) => f.user_id === userId);
    const trips = [
      ...gather(
        own,
        (f) => f.session_id,
        (f) => f,
      ),
    ].map(([id, events]) => {
      const times = events.map((f) => f.timestamp).sort();
      const [start, end] = [times[0]!, times.at(-1)!];
      const first = events
        .filter((f) => f.timestamp === start)
        .map((f) => f.id)
        .sort()[0]!;
      const seconds = (Date.parse(end) - Date.parse(start)) / 1000;
      return { id, start, end, first, seconds, events: events.length };
    });
    const latest = trips.toSorted((a, b) =>
      a.start === b.start ? (a.first > b.first ? -1 : 1) : a.start > b.start ? -1 : 1,
    );
    const { sessions, metrics } = await answer("getUserAnalytics", {
      userId,
      timeZone: "America/New_York",
      limit: 20,
    });
    expect(sessions).toEqual(
      latest.slice(0, 20).map((trip) => ({
        session_id: trip.id,
        start_time: trip.start,
        end_time: trip.end,
        events: String(trip.events),
        length_seconds: trip.seconds,
      })),
    );
    const active = new Set(own.map(localDay));
    const all = [...active].sort();
    const span = (Date.parse(all.at(-1)!) - Date.parse(all[0]!)) / 86_400_000 + 1;
    expect(metrics).toEqual({
      days_active: String(active.size),
      sessions: String(trips.length),
      average_session_seconds: expect.closeTo(trips.reduce((sum, t) => sum + t.seconds, 0) / trips.length, 6),
      transactions: "0",
      revenue: {},
      engagement: active.size / span,
    });
  });
});
