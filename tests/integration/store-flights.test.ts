import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fromJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { createFeed, patiently, type TemporaryStore, temporaryStore } from "../support/store.ts";

const flights = new URL("../../../shared/data/flights-2013-01.ndjson.gz", import.meta.url);
const selection = { project: "p" };
const dayUs = 86_400e6;
const firstDay = Date.UTC(2013, 0, 1) * 1000;

let temporary: TemporaryStore;
beforeAll(async () => {
  temporary = await temporaryStore();
  const lines = gunzipSync(readFileSync(flights)).toString().trim().split("\n");
  const feed = createFeed();
  for (let first = 0; first < lines.length; first += 10_000) {
    const part = lines.slice(first, first + 10_000);
    const events = part.map((line) => ({ event: fromJsonString(EventSchema, line) }));
    await temporary.store.apply(feed.blocks(events).blocks);
  }
});
afterAll(() => temporary.remove());

it("sums up a month of flights", async () => {
  const summary = await temporary.store.ask({ kind: "summary", selection, topLimit: 10 }, patiently());
  expect(summary).toMatchObject({
    totalEvents: 80_406,
    uniqueUsers: 3247,
    eventsByType: { custom: 80_406 },
    topEvents: [
      { name: "flight_scheduled", events: 27_004 },
      { name: "flight_departed", events: 26_483 },
      { name: "flight_arrived", events: 26_398 },
      { name: "flight_cancelled", events: 521 },
    ],
  });
});

it("gives each day its part, and the parts are the whole", async () => {
  const question = {
    kind: "series",
    selection,
    metric: { kind: "events" },
    starts: Array.from({ length: 32 }, (_, day) => firstDay + day * dayUs),
    endUs: firstDay + 32 * dayUs,
    groupBy: [{ kind: "field", field: "name" }],
    groupLimit: 2,
  } as const;
  const { groups, other } = await temporary.store.ask(question, patiently());
  expect(groups.map((group) => [group.values, group.total])).toEqual([
    [["flight_scheduled"], 27_004],
    [["flight_departed"], 26_483],
  ]);
  expect(other?.total).toBe(26_398 + 521);
  for (const group of [...groups, other!]) {
    expect(group.buckets).toHaveLength(32);
    expect(group.buckets.reduce((sum, events) => sum + events)).toBe(group.total);
  }
});

it("breaks the distance down by carrier, and the rows and the rest are the whole", async () => {
  const question = {
    kind: "breakdown",
    selection,
    metric: { kind: "sum", measure: "distance" },
    dimension: { kind: "property", key: "carrier" },
    limit: 3,
  } as const;
  const { rows, other, total } = await temporary.store.ask(question, patiently());
  expect(total).toBe(80_803_933);
  expect(rows.reduce((sum, row) => sum + row.metric, 0) + other!).toBe(total);
});

it("knows which names and keys there are", async () => {
  const dimensions = await temporary.store.ask({ kind: "dimensions", selection, limit: 2 }, patiently());
  expect(dimensions).toMatchObject({
    names: [
      { key: "flight_scheduled", events: 27_004 },
      { key: "flight_departed", events: 26_483 },
    ],
    properties: [
      { key: "carrier", events: 80_406 },
      { key: "dest", events: 80_406 },
    ],
  });
});
