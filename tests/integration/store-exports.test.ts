import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { compareUtf8 } from "../../src/filter/order.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { type ExportFormat, maxPieceBytes } from "../../src/store/exports.ts";
import type { EventStore } from "../../src/store/store.ts";
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

interface Small {
  readonly id: string;
  readonly userId?: string;
  readonly us: number;
  readonly properties?: Record<string, string>;
}

function apply(events: readonly Small[]) {
  const sent = events.map(({ us, ...event }) => ({
    event: { userId: "u", ...event, timestamp: timestamp(us) },
  }));
  return store.apply(feed.blocks(sent).blocks);
}

/** `count` events, one each microsecond from `firstUs` on. */
function row(count: number, firstUs: number, properties: Record<string, string> = {}): Small[] {
  return Array.from({ length: count }, (_, i) => ({ id: `e${firstUs + i}`, us: firstUs + i, properties }));
}

function start(format: ExportFormat, options: { signal?: AbortSignal; filter?: string } = {}) {
  const filter = options.filter === undefined ? {} : { filter: parseFilter(options.filter) };
  const asked = { ...patiently(), ...(options.signal ? { signal: options.signal } : {}) };
  return store.export({ selection: { project: "p", ...filter }, format }, asked)[Symbol.asyncIterator]();
}

async function rest(pieces: AsyncIterator<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    expect(next.value.length).toBeLessThanOrEqual(maxPieceBytes);
    parts.push(next.value);
  }
  return Buffer.concat(parts);
}

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
    const events: Small[] = [
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
    const some = ids(await rest(start("ndjson", { filter: 'id.endsWith("7") || id == "twin"' })));
    expect(some).toEqual(ordered.map(({ id }) => id).filter((id) => id.endsWith("7") || id === "twin"));
  });

  it("has what was there as it began, whatever comes while it is read", async () => {
    await apply(row(6000, 1_000_000));
    const pieces = start("ndjson");
    const { value } = await pieces.next();
    // Keys that get columns now, in rows on both sides of what was read.
    for (let batch = 0; batch < 4; batch++) await apply(row(300, 1_000_000 + batch * 1500, { late: "x" }));
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

describe("an export that nobody wants any more", () => {
  it("ends at once, and frees its place", async () => {
    await apply(row(3000, 0, { text: "x".repeat(2000) }));
    const patterns = Array.from({ length: 200 }, (_, i) => `properties.text.matches("(x+|y${i})*z$")`);
    for (const format of ["ndjson", "parquet"] as const) {
      const caller = new AbortController();
      const pieces = start(format, { signal: caller.signal, filter: patterns.join(" || ") });
      const asked = pieces.next();
      await expect.poll(() => store.stats().exportsRunning).toBe(1);
      caller.abort();
      await expect(asked).rejects.toMatchObject({ code: "CANCELLED" });
      await expect.poll(() => store.stats().exportsRunning).toBe(0);
    }
    await expect.poll(() => readdirSync(`${temporary.path}.exports`)).toEqual([]);
  });

  it("holds nothing between two pieces, and leaves no file behind", async () => {
    await apply(row(3000, 0));
    const left = start("ndjson");
    await left.next();
    await left.return?.();
    const caller = new AbortController();
    const aborted = start("parquet", { signal: caller.signal });
    await aborted.next();
    expect(store.stats().exportsRunning).toBe(0);
    expect(readdirSync(`${temporary.path}.exports`)).toEqual([]);
    caller.abort();
    await expect(aborted.next()).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("is refused when it comes too late", async () => {
    const late = store.export(
      { selection: { project: "p" }, format: "csv" },
      { ...patiently(), deadline: 0 },
    );
    const read = async () => {
      for await (const _ of late);
    };
    await expect(read()).rejects.toBeInstanceOf(WeirError);
  });
});

it("removes at its start what a crash left of exports", async () => {
  const folder = `${temporary.path}.exports`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "left.parquet"), "PAR1");
  store = await temporary.reopen();
  expect(existsSync(folder)).toBe(false);
});
