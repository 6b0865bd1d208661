import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventSchema, EventType } from "../../gen/analytics/v1/event_pb.js";
import { flatLimits, flattenEvent, flatViolations } from "../../src/domain/record/flatten.ts";
import { flatBytes } from "../../src/domain/record/limits.ts";

function broken(init: MessageInitShape<typeof EventSchema>, sentBytes?: number): [string, string][] {
  const event = create(EventSchema, { userId: "u", ...init });
  const flat = flattenEvent(event, { receivedUs: 0 });
  return flatViolations(flat, sentBytes ?? toBinary(EventSchema, event).length).map((v) => [
    v.field,
    v.ruleId,
  ]);
}

function entries<T>(count: number, value: T): Record<string, T> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]));
}

describe("limits, each at its bound and one beyond", () => {
  it("properties: 128, flattened ones included", () => {
    expect(broken({ properties: entries(128, "") })).toEqual([]);
    expect(broken({ properties: entries(129, "") })).toEqual([["properties", "map.max_pairs"]]);
    const value = { action: "a", metadata: entries(100, "") };
    expect(broken({ properties: entries(27, ""), payload: { case: "userEvent", value } })).toEqual([]);
    expect(broken({ properties: entries(28, ""), payload: { case: "userEvent", value } })).toEqual([
      ["properties", "map.max_pairs"],
    ]);
  });

  it("measures: 64, custom metrics included", () => {
    const metrics = Object.keys(entries(32, 0)).map((name) => ({ name: `m${name}`, value: 1 }));
    const payload = { case: "customEvent", value: { metrics } } as const;
    expect(broken({ measures: entries(32, 1), payload })).toEqual([]);
    expect(broken({ measures: entries(33, 1), payload })).toEqual([["measures", "map.max_pairs"]]);
  });

  it("keys: 1 to 128 characters, counted as code points, the prefix included", () => {
    expect(broken({ properties: { ["\u{1F600}".repeat(128)]: "" } })).toEqual([]);
    const long = "\u{1F600}".repeat(129);
    expect(broken({ properties: { [long]: "" } })).toEqual([[`properties["${long}"]`, "string.max_len"]]);
    expect(broken({ properties: { "": "" } })).toEqual([['properties[""]', "string.min_len"]]);
    expect(broken({ measures: { "": 1 } })).toEqual([['measures[""]', "string.min_len"]]);
    const tags = { ["t".repeat(122)]: "" };
    expect(broken({ payload: { case: "systemEvent", value: { tags } } })).toEqual([
      [`properties["system.${"t".repeat(122)}"]`, "string.max_len"],
    ]);
  });

  it("values: 8 KiB of UTF-8", () => {
    expect(broken({ properties: { a: "é".repeat(4096) } })).toEqual([]);
    expect(broken({ properties: { a: `${"é".repeat(4096)}x` } })).toEqual([
      ['properties["a"]', "string.max_bytes"],
    ]);
  });

  it("measures: finite", () => {
    expect(broken({ measures: { a: Number.NaN, b: Number.POSITIVE_INFINITY } })).toEqual([
      ['measures["a"]', "double.finite"],
      ['measures["b"]', "double.finite"],
    ]);
  });

  it("64 KiB as sent", () => {
    expect(broken({}, 65_536)).toEqual([]);
    expect(broken({}, 65_537)).toEqual([["", "event.max_bytes"]]);
  });

  it("64 KiB as flattened", () => {
    const base = {
      userId: "u",
      name: "n",
      eventType: EventType.CUSTOM,
      timestamp: { seconds: 1n, nanos: 0 },
    };
    const properties: Record<string, string> = entries(8, "x".repeat(8100));
    const size = (last: number) =>
      toBinary(
        EventSchema,
        create(EventSchema, { ...base, properties: { ...properties, z: "y".repeat(last) } }),
      ).length;
    const fits = 65_536 - size(600) + 600;
    expect(size(fits)).toBe(65_536);
    expect(broken({ ...base, properties: { ...properties, z: "y".repeat(fits) } }, 0)).toEqual([]);
    expect(broken({ ...base, properties: { ...properties, z: "y".repeat(fits + 1) } }, 0)).toEqual([
      ["", "event.max_bytes"],
    ]);
  });

  it("timestamps that a number cannot hold in microseconds", () => {
    expect(broken({ timestamp: { seconds: 9_007_199_254n, nanos: 740_991_000 } })).toEqual([]);
    expect(broken({ timestamp: { seconds: 9_007_199_254n, nanos: 740_992_000 } })).toEqual([
      ["timestamp", "timestamp.range"],
    ]);
    expect(broken({ timestamp: { seconds: -1n, nanos: 0 } })).toEqual([["timestamp", "timestamp.range"]]);
  });
});

it("knows the size of the flattened event in protobuf to the byte, and never takes a greater one for small", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 300 });
  const arbitrary = fc.record({
    id: text,
    userId: text,
    sessionId: text,
    name: text.filter((name) => name !== ""),
    source: text,
    us: fc.maxSafeNat(),
    properties: fc.dictionary(text, text, { maxKeys: 20 }),
    measures: fc.dictionary(text, fc.double(), { maxKeys: 20 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ us, ...fields }) => {
      const seconds = Math.floor(us / 1e6);
      const timestamp = { seconds: BigInt(seconds), nanos: (us - seconds * 1e6) * 1000 };
      const event = create(EventSchema, { ...fields, eventType: EventType.CUSTOM, timestamp });
      const flat = flattenEvent(event, { receivedUs: 0 });
      const bytes = toBinary(EventSchema, event).length;
      expect(flatBytes(flat)).toBe(bytes);
      const over = flatViolations(flat, 0, { ...flatLimits, eventBytes: bytes - 1 });
      expect(over.some((v) => v.ruleId === "event.max_bytes")).toBe(true);
      const fits = flatViolations(flat, 0, { ...flatLimits, eventBytes: bytes });
      expect(fits.some((v) => v.ruleId === "event.max_bytes")).toBe(false);
    }),
  );
});
