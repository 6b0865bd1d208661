import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareUtf8 } from "../../src/filter/order.ts";
import type { ExportFormat } from "../../src/store/exports.ts";
import type { EventStore } from "../../src/store/store.ts";
import { applySmall, rest, row, type SmallEvent, startExport } from "../support/exports.ts";
import {
  createFeed,
  type Feed,
  patiently,
  type TemporaryStore,
  temporaryStore,
  timestamp,
} from "../support/store.ts";

let temporary: TemporaryStore;
let store: EventStore;
let feed: Feed;
beforeEach(async () => {
  temporary = await temporaryStore({ keyColumns: { window: 200 } });
  store = temporary.store;
  feed = createFeed();
});
afterEach(() => temporary.remove());

const apply = (events: readonly SmallEvent[]) => applySmall(store, feed, events);
const start = (format: ExportFormat, filter?: string) => startExport(store, format, { filter });

function parsed(bytes: Buffer): { id: string; user_id: string; timestamp: string; properties: object }[] {
  return bytes
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

const ids = (bytes: Buffer) => parsed(bytes).map(({ id }) => id);

describe("an export in lines", () => {
  it("goes on in order over many slices, few and crowded ones, and instants of more events than a page has", async () => {
    const events: SmallEvent[] = [
      { id: "first", us: 1 },
      ...row(3000, 1_600_000_000_000_000),
      ...Array.from({ length: 5000 }, (_, i) => ({
        id: `same-${(i * 7919) % 5000}`,
        userId: `u${i % 3}`,
        us: 1_600_000_000_500_000,
      })),
      ...Array.from({ length: 20 }, (_, i) => ({
        id: "twin",
        userId: `user-${i}`,
        us: 1_600_000_000_500_000,
      })),
      ...row(3000, 1_700_000_000_000_000),
      { id: "last", us: 1_700_003_000_000_000 },
    ];
    for (let at = 0; at < events.length; at += 3500) await apply(events.slice(at, at + 3500));
    const ordered = events.toSorted(
      (a, b) => a.us - b.us || compareUtf8(a.id, b.id) || compareUtf8(a.userId ?? "u", b.userId ?? "u"),
    );
    const exported = parsed(await rest(start("ndjson")));
    expect(exported.map(({ id, user_id }) => `${id} ${user_id}`)).toEqual(
      ordered.map(({ id, userId = "u" }) => `${id} ${userId}`),
    );
    const some = ids(await rest(start("ndjson", 'id.endsWith("7") || id == "twin"')));
    expect(some).toEqual(ordered.map(({ id }) => id).filter((id) => id.endsWith("7") || id === "twin"));
  });

  it("has what was there as it began, whatever comes while it is read", async () => {
    await apply(row(6000, 1_000_000));
    const pieces = start("ndjson");
    const { value } = await pieces.next();
    // Keys that get columns now, in rows on both sides of what was read.
    for (let batch = 0; batch < 4; batch++) {
      const events = row(300, 1_000_000 + batch * 1500, { late: "x" });
      await apply(events.map((event) => ({ ...event, id: `late-${event.id}` })));
    }
    const exported = ids(Buffer.concat([value, await rest(pieces)]));
    expect(exported).toEqual(row(6000, 1_000_000).map(({ id }) => id));
    expect(ids(await rest(start("ndjson")))).toHaveLength(7200);
  });

  it("has keys with and without columns as one map, in the order of their bytes", async () => {
    const properties = (i: number) => ({
      b: "1",
      "\u{1F600}": "2",
      [`rare${i}`]: "3",
      "\uffff": "4",
      '\u0001"\\\u007f': `${i}`,
    });
    const events = Array.from({ length: 900 }, (_, i) => ({ id: `${i}`, us: i, properties: properties(i) }));
    for (let at = 0; at < 900; at += 300) await apply(events.slice(at, at + 300));
    const exported = (await rest(start("ndjson"))).toString().split("\n").slice(0, -1);
    const texts = exported.map((line) => /"properties":(\{.*\}),"measures"/.exec(line)![1]);
    expect(texts).toEqual(
      events.map(({ properties }) =>
        JSON.stringify(Object.fromEntries(Object.entries(properties).sort(([a], [b]) => compareUtf8(a, b)))),
      ),
    );
  });

  it("comes in bounded pieces of a few large events", async () => {
    const events = row(300, 0, { text: "é".repeat(4000) }).map((event) => ({
      ...event,
      properties: { ...event.properties, other: "\u0000".repeat(8000) },
    }));
    await apply(events);
    const bytes = await rest(start("ndjson"));
    expect(bytes.length).toBeGreaterThan(300 * 56_000);
    expect(parsed(bytes).map(({ properties }) => properties)).toEqual(
      events.map(({ properties }) => properties),
    );
  });

  it("breaks off where rows that it has not reached are removed, and goes on where others are", async () => {
    await apply(row(9000, 1_000_000));
    const [passed, missing] = [start("ndjson"), start("ndjson")];
    const first = await passed.next();
    await missing.next();
    expect(await store.removeBefore(1_000_100)).toBe(100);
    const exported = ids(Buffer.concat([first.value, await rest(passed)]));
    expect(exported).toEqual(row(9000, 1_000_000).map(({ id }) => id));
    await store.removeBefore(1_008_000);
    await expect(rest(missing)).rejects.toMatchObject({ code: "ABORTED", reason: "ROWS_REMOVED" });
  });
});

it("an export has no other project's events, in any format", async () => {
  const event = (userId: string) => ({ id: "same", userId, timestamp: timestamp(1) });
  const sent = [
    { project: "p", event: event("own") },
    { project: "q", event: event("foreign") },
  ];
  await store.apply(feed.blocks(sent).blocks);
  for (const format of ["ndjson", "csv", "parquet"] as const) {
    const bytes = await rest(start(format));
    // Texts of a few bytes stand in a Parquet file as they are.
    expect([bytes.includes("own"), bytes.includes("foreign")], format).toEqual([true, false]);
  }
});

it("an export is refused when it comes too late", async () => {
  const late = store.export({ selection: { project: "p" }, format: "csv" }, { ...patiently(), deadline: 0 });
  await expect(rest(late[Symbol.asyncIterator]())).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
});
