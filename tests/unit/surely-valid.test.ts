import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { EventSchema, type EventType } from "../../gen/analytics/v1/event_pb.js";
import { validate } from "../../src/contract/validate.ts";
import { surelyValid } from "../../src/ingestion/surely-valid.ts";

/** Mostly plain text, so that many events are valid as a whole; else odd text, or one of a length at a bound. */
const text = (...lengths: number[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.stringMatching(/^[a-z]{1,8}$/) },
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom(...lengths).map((n) => "x".repeat(n)),
    fc.constantFrom(...lengths).map((n) => "😀".repeat(n)),
  );
const key = text(0, 1, 128, 129);
const event = fc
  .record({
    id: text(0, 128, 129),
    userId: text(0, 1, 256, 257),
    sessionId: text(0, 128, 129),
    name: text(0, 128, 129),
    source: text(0, 128, 129),
    eventType: fc.constantFrom<EventType>(0, 1, 2, 3, 4, 4, 4, -1 as EventType, 5 as EventType),
    timestamp: fc.option(
      fc.record({
        seconds: fc.constantFrom(0n, 1n, 4_000_000_000n, -1n),
        nanos: fc.constantFrom(0, 1, 999_999_999, -1, 1_000_000_000),
      }),
      { nil: undefined },
    ),
    properties: fc.dictionary(key, text(0, 2730, 2731, 8192, 8193), { maxKeys: 3 }),
    measures: fc.dictionary(key, fc.double(), { maxKeys: 3 }),
    more: fc.constantFrom(0, 62, 64, 65, 126, 128, 129),
  })
  .map(({ more, timestamp, ...init }) => {
    const pairs = Array.from({ length: more }, (_, i) => `k${i}`);
    return create(EventSchema, {
      ...init,
      ...(timestamp ? { timestamp } : {}),
      properties: { ...init.properties, ...Object.fromEntries(pairs.map((k) => [k, "v"])) },
      measures: { ...init.measures, ...Object.fromEntries(pairs.slice(0, 65).map((k) => [k, 1])) },
    });
  });

test("what surely is valid keeps every rule of the contract", () => {
  let sure = 0;
  fc.assert(
    fc.property(event, (e) => {
      if (!surelyValid(e)) return;
      sure++;
      expect(validate(EventSchema, e)).toEqual([]);
    }),
    { numRuns: 3000 },
  );
  expect(sure).toBeGreaterThan(100);
});

test("an event of the common shape is sure, and one at the limits is too", () => {
  const largest = create(EventSchema, {
    id: "x".repeat(128),
    userId: "u".repeat(256),
    properties: Object.fromEntries(Array.from({ length: 128 }, (_, i) => [`k${i}`, "v"])),
    measures: Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, i])),
  });
  expect(surelyValid(largest)).toBe(true);
});
