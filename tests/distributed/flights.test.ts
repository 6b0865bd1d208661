import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { caughtUp, summary } from "../support/figures.ts";
import { flightCount, itHasTheFlights, sendFlights } from "../support/flight-figures.ts";
import { type Flight, readFlights, withoutFlights } from "../support/flights.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";

describe.skipIf(withoutFlights())("the flights of January 2013, through three processes", () => {
  let installation: Installation;
  let ingest: RunningServer;
  let analytics: RunningServer;
  let flights: Flight[];

  beforeAll(async () => {
    flights = readFlights();
    installation = await startInstallation();
    ingest = await installation.serve("ingest");
    await installation.serve("consumer");
    analytics = await installation.serve("analytics");
    const sent = { read: flightCount, accepted: flightCount, duplicates: 0, rejected: 0 };
    expect(await sendFlights(ingest.url)).toMatchObject(sent);
    expect(await caughtUp(analytics.url, flightCount)).toBe(flightCount);
  });
  afterAll(() => installation?.close());

  itHasTheFlights({
    get analytics() {
      return analytics.url;
    },
    get flights() {
      return flights;
    },
  });

  it("add none when they come again, to a process that knows nothing of the first time", async () => {
    const before = await summary(analytics.url);
    await ingest.stop();
    ingest = await installation.serve("ingest");
    expect(await sendFlights(ingest.url)).toMatchObject({ read: flightCount, rejected: 0 });
    expect(await caughtUp(analytics.url, 2 * flightCount)).toBe(2 * flightCount);
    expect(await summary(analytics.url)).toEqual(before);
  });
});
