import { DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KeyColumnLimits } from "../../src/store/apply/census.ts";
import type { StoredEvent } from "../../src/store/questions.ts";
import { createFeed, patiently, type Sent, type TemporaryStore, temporaryStore } from "../support/store.ts";

let temporary: TemporaryStore | undefined;
afterEach(remove);

async function remove(): Promise<void> {
  await temporary?.remove();
  temporary = undefined;
}

function opened(): TemporaryStore {
  if (temporary === undefined) throw new Error("no store is open");
  return temporary;
}

const selection = { project: "p" };

interface Kept {
  readonly properties: Record<string, string>;
  readonly measures: Record<string, number>;
}

function sent(id: string, kept: Partial<Kept>): Sent {
  return { event: { id, userId: "u", ...kept } };
}

async function stored(): Promise<readonly StoredEvent[]> {
  const { events } = await opened().store.ask({ kind: "events", selection, limit: 1000 }, patiently());
  return events;
}

/** What the file says of its columns, and how many rows keep something in their maps. */
async function look(): Promise<{ columns: string[]; mixed: boolean; inMaps: number }> {
  await opened().store.close();
  const instance = await DuckDBInstance.create(opened().path, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  const columns = await connection.runAndReadAll("SELECT name, mixed FROM key_columns ORDER BY place");
  const inMaps = await connection.runAndReadAll(
    "SELECT count(*) FROM events WHERE cardinality(properties) + cardinality(measures) > 0",
  );
  connection.closeSync();
  instance.closeSync();
  await opened().reopen();
  return {
    columns: columns.getRows().map(([name]) => String(name)),
    mixed: columns.getRows().some(([, mixed]) => mixed === true),
    inMaps: Number(inMaps.getRows()[0]?.[0]),
  };
}

describe("keys that occur often", () => {
  beforeEach(async () => {
    temporary = await temporaryStore({ keyColumns: { window: 10, share: 0.5 } });
  });

  it("get columns before the batch that shows them is stored", async () => {
    const batch = Array.from({ length: 10 }, (_, i) =>
      sent(`${i}`, { properties: { plan: "pro", ...(i < 4 ? { rare: "x" } : {}) }, measures: { n: i } }),
    );
    await opened().store.apply(createFeed().blocks(batch).blocks);
    expect(await look()).toEqual({ columns: ["p0", "m0"], mixed: false, inMaps: 4 });
    expect((await stored()).filter((event) => event.properties.rare === "x")).toHaveLength(4);
  });

  it("get columns after small batches, and what the first rows kept in maps follows", async () => {
    const feed = createFeed();
    const values = Array.from({ length: 12 }, (_, i) => ({
      properties: i % 4 === 3 ? {} : { plan: i % 2 === 0 ? "" : `${i}` },
      measures: { n: i },
    }));
    for (const [i, kept] of values.entries()) {
      await opened().store.apply(feed.blocks([sent(`${i}`, kept)]).blocks);
    }
    // The last rows of the maps were moved with the batch before.
    await opened().store.apply(feed.blocks([]).blocks);
    expect(await look()).toEqual({ columns: ["m0", "p0"], mixed: false, inMaps: 0 });
    const byId = new Map((await stored()).map((event) => [event.id, event]));
    values.forEach((kept, i) => {
      expect(byId.get(`${i}`)).toMatchObject({ properties: kept.properties, measures: kept.measures });
    });
  });

  it("stay in columns after a restart, and new ones join them", async () => {
    const feed = createFeed();
    const batch = (round: number, key: string) =>
      feed.blocks(
        Array.from({ length: 10 }, (_, i) => sent(`${round}-${i}`, { properties: { [key]: `${round}` } })),
      ).blocks;
    await opened().store.apply(batch(1, "a"));
    await opened().reopen();
    await opened().store.apply(batch(2, "b"));
    await opened().store.apply(batch(3, "a"));
    expect(await look()).toEqual({ columns: ["p0", "p1"], mixed: false, inMaps: 0 });
    const answer = await opened().store.ask({ kind: "dimensions", selection, limit: 10 }, patiently());
    expect(answer.properties).toEqual([
      { key: "a", events: 20 },
      { key: "b", events: 10 },
    ]);
  });
});

it("keeps thousands of different keys, the most frequent in columns up to the bound, the rest in maps", async () => {
  temporary = await temporaryStore({ keyColumns: { properties: 3, measures: 2, share: 0 } });
  const batch = Array.from({ length: 2000 }, (_, i) =>
    sent(`${i}`, {
      properties: { ...Object.fromEntries([0, 1, 2, 3].map((k) => [`key-${i}-${k}`, `${k}`])), all: "yes" },
      measures: { [`n-${i}`]: i, total: 1 },
    }),
  );
  await opened().store.apply(createFeed().blocks(batch).blocks);
  expect((await look()).columns.toSorted()).toEqual(["m0", "m1", "p0", "p1", "p2"]);
  const answer = await opened().store.ask({ kind: "dimensions", selection, limit: 10_000 }, patiently());
  expect([answer.properties.length, answer.measures.length]).toEqual([8001, 2001]);
  expect(answer.properties[0]).toEqual({ key: "all", events: 2000 });
  const [event] = (await stored()).filter(({ id }) => id === "1999");
  expect(event?.properties).toEqual(batch[1999]!.event.properties);
});

describe("questions that come while keys get their columns", () => {
  const some = <T>(value: fc.Arbitrary<T>) =>
    fc.dictionary(fc.constantFrom("a", "b", "c", "é", "it's"), value, { maxKeys: 4 });
  const kept = fc.record({
    properties: some(fc.constantFrom("", "x", "y")),
    measures: some(fc.integer({ min: -4, max: 4 })),
  });
  const limits = fc.record<Partial<KeyColumnLimits>>({
    properties: fc.integer({ min: 0, max: 5 }),
    measures: fc.integer({ min: 0, max: 5 }),
    window: fc.integer({ min: 1, max: 30 }),
    share: fc.constantFrom(0, 0.2, 0.5),
  });

  it("are answered from whole batches, each key where the row has it", async () => {
    const batches = fc.array(fc.array(kept, { maxLength: 12 }), { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(batches, limits, async (all, keyColumns) => {
        await remove();
        temporary = await temporaryStore({ keyColumns });
        const feed = createFeed();
        /** Values of "a" by frequency after each batch. */
        const states: string[] = [];
        const events: Kept[] = [];
        const state = () => JSON.stringify(countedValues(events.map((e) => e.properties.a ?? "")));
        states.push(state());
        let applied = false;
        const asking = (async () => {
          const seen: string[] = [];
          while (!applied) seen.push(await valuesOfA());
          return seen;
        })();
        for (const [round, batch] of all.entries()) {
          const { blocks } = feed.blocks(batch.map((one, i) => sent(`${round}-${i}`, one)));
          await opened().store.apply(blocks);
          events.push(...batch);
          states.push(state());
        }
        applied = true;
        for (const seen of await asking) expect(states).toContain(seen);
        expect(await valuesOfA()).toBe(state());
        const ids = all.flatMap((batch, round) => batch.map((_, i) => `${round}-${i}`));
        const byId = new Map((await stored()).map((event) => [event.id, event]));
        events.forEach((event, i) => {
          expect(byId.get(ids[i]!)).toMatchObject({ ...event });
          expect(Object.keys(byId.get(ids[i]!)!.properties)).toHaveLength(
            Object.keys(event.properties).length,
          );
        });
      }),
      { numRuns: 25 },
    );
  });

  async function valuesOfA(): Promise<string> {
    const question = {
      kind: "breakdown",
      selection,
      metric: { kind: "events" },
      dimension: { kind: "property", key: "a" },
      limit: 10,
    } as const;
    const { rows } = await opened().store.ask(question, patiently());
    return JSON.stringify(rows.map(({ value, metric }) => [value, metric]));
  }
});

function countedValues(values: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
