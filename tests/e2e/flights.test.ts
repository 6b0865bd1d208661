import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { caughtUp, summary } from "../support/figures.ts";
import { flightCount, itHasTheFlights, sendFlights } from "../support/flight-figures.ts";
import { type Flight, readFlights, withoutFlights } from "../support/flights.ts";
import { type RunningServer, startServer } from "../support/server.ts";

describe.skipIf(withoutFlights())("the flights of January 2013, sent by weir send", () => {
  let server: RunningServer;
  let flights: Flight[];

  beforeAll(async () => {
    flights = readFlights();
    server = await startServer();
    expect(await sendFlights(server.url)).toMatchObject({
      read: flightCount,
      accepted: flightCount,
      duplicates: 0,
      rejected: 0,
    });
    expect(await caughtUp(server.url)).toBe(flightCount);
  });
  afterAll(async () => {
    expect(await server?.stop()).toBe(0);
  });

  itHasTheFlights({
    get analytics() {
      return server.url;
    },
    get flights() {
      return flights;
    },
  });

  it("are duplicates when they come again, and change no figure", async () => {
    const before = await summary(server.url);
    expect(await sendFlights(server.url)).toMatchObject({
      read: flightCount,
      accepted: 0,
      duplicates: flightCount,
      rejected: 0,
    });
    expect(await caughtUp(server.url)).toBe(flightCount);
    expect(await summary(server.url)).toEqual(before);
  });
});
