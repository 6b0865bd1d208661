import fc from "fast-check";
import { expect, it } from "vitest";
import { zoneOf } from "../../src/domain/zone.ts";

const us = (iso: string) => Date.parse(iso) * 1000;

/** Local time minus UTC, in microseconds, by Intl for that instant alone. */
function offsetAt(zone: string, at: number): number {
  const ms = Math.floor(at / 1e6) * 1000;
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  const name = format.formatToParts(ms).find(({ type }) => type === "timeZoneName")!.value;
  const [, sign, hours, minutes, seconds = "0"] = /^GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name) ?? [
    "",
    "+",
    "0",
    "0",
  ];
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return (sign === "-" ? -size : size) * 1e6;
}

it("knows each instant's offset, whichever ranges were asked before", () => {
  // Among them a stretch of twelve days, one of seven, and an offset with seconds.
  const names = [
    "Europe/Berlin",
    "America/Argentina/Tucuman",
    "America/Recife",
    "Africa/Monrovia",
    "Pacific/Apia",
    "Australia/Lord_Howe",
  ];
  const hour = 3600e6;
  const instant = fc.integer({ min: 0, max: us("2037-01-01T00:00:00Z") / hour }).map((hours) => hours * hour);
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      instant,
      fc.integer({ min: 1, max: 400 * 24 }),
      (name, from, hours) => {
        const to = from + hours * hour;
        const segments = zoneOf(name)!.segments(from, to);
        expect(segments[0]!.startUs).toBe(from);
        for (const [i, { startUs, offsetUs }] of segments.entries()) {
          const end = segments[i + 1]?.startUs ?? to;
          expect(end).toBeGreaterThan(startUs);
          expect(offsetUs).toBe(offsetAt(name, startUs));
          expect(offsetUs).toBe(offsetAt(name, end - 1));
          expect(offsetUs).toBe(offsetAt(name, (startUs + end) / 2));
          if (i > 0) expect(segments[i - 1]!.offsetUs).not.toBe(offsetUs);
        }
      },
    ),
    { numRuns: 500 },
  );
});

it("finds stretches as short as a week", () => {
  const { segments } = zoneOf("America/Recife")!;
  const found = segments(us("2000-10-01T00:00:00Z"), us("2000-11-01T00:00:00Z"));
  expect(found.map(({ offsetUs }) => offsetUs / 3600e6)).toEqual([-3, -2, -3]);
});
