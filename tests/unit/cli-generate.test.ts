import { fromJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { EventSchema, FlatEventSchema } from "../../client/core/index.ts";
import { type DataOptions, generateLines } from "../../src/cli/generate/events.ts";

const options: DataOptions = {
  events: 2_000,
  users: 50,
  names: 14,
  properties: 10,
  days: 3,
  seed: 7,
  format: "event",
  startMs: Date.UTC(2025, 0, 1),
};
const generate = (changes: Partial<DataOptions> = {}) => [...generateLines({ ...options, ...changes })];

describe("generated data", () => {
  it("are the same for the same options, and others for another seed", () => {
    expect(generate()).toEqual(generate());
    expect(generate({ seed: 8 })).not.toEqual(generate());
    expect(generate({ seed: 7 + 2 ** 32 })).not.toEqual(generate());
  });

  it("stay the same from version to version", () => {
    expect(generate({ events: 1, properties: 2 })[0]).toMatchInlineSnapshot(`
      "{"id":"gen-7-1","user_id":"user-24","session_id":"user-24-s1","event_type":"EVENT_TYPE_USER","name":"search","timestamp":"2025-01-02T16:41:59.569Z","source":"generated","properties":{"plan":"pro","country":"FR"},"measures":{"duration_ms":42766}}
      "
    `);
  });

  it("are events of the contract, within the bounds that were asked for", () => {
    const events = generate().map((line) => fromJson(EventSchema, JSON.parse(line)));
    expect(events).toHaveLength(2_000);
    expect(new Set(events.map(({ id }) => id)).size).toBe(2_000);
    expect(new Set(events.map(({ userId }) => userId)).size).toBe(50);
    expect(new Set(events.map(({ name }) => name)).size).toBe(14);
    const seconds = events.map(({ timestamp }) => Number(timestamp!.seconds));
    expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
    expect(seconds[0]).toBeGreaterThanOrEqual(options.startMs / 1_000);
    expect(seconds.at(-1)).toBeLessThan(options.startMs / 1_000 + 3 * 86_400);
    for (const { properties } of events) expect(Object.keys(properties)).toHaveLength(10);
    expect(events.some(({ payload }) => payload.case === "transactionEvent")).toBe(true);
  });

  it("are flat events too", () => {
    const events = generate({ format: "flat" }).map((line) => fromJson(FlatEventSchema, JSON.parse(line)));
    expect(new Set(events.map(({ eventType }) => eventType)).size).toBe(14);
    expect(events.every(({ properties }) => typeof properties?.duration_ms === "number")).toBe(true);
  });

  it.each(["event", "flat"] as const)("of form %s may have no properties and one user and name", (format) => {
    const lines = generate({ format, properties: 0, users: 1, names: 1, events: 20 });
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ user_id: "user-1" });
  });
});
