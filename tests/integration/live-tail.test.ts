import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { createSlots } from "../../src/domain/slots.ts";
import { compilePredicate } from "../../src/filter/evaluate.ts";
import type { Filter } from "../../src/filter/filter.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import type { LiveHub, LivePlace, LiveQuestion, TailUpdate } from "../../src/live/live.ts";
import { anyEvent, anyFilter } from "../support/filters.ts";
import {
  idsOf,
  type LiveEvent,
  type LiveFixture,
  type LiveFixtureOptions,
  liveFixture,
  type Reader,
  readerOf,
} from "../support/live.ts";

let fixture: LiveFixture;
const readers: Reader<TailUpdate>[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.end();
  await fixture.close();
});

async function start(options: LiveFixtureOptions = {}): Promise<LiveFixture> {
  fixture = await liveFixture(options);
  return fixture;
}

function tail(hub: LiveHub, question: Partial<LiveQuestion> = {}, after?: LivePlace): Reader<TailUpdate> {
  const asked = { project: "default", ...question };
  const reader = readerOf<TailUpdate>((options) =>
    hub.tail(asked, { ...options, ...(after ? { after } : {}) }),
  );
  readers.push(reader);
  return reader;
}

const eventsOf = (name: string, count: number): LiveEvent[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${name}-${i}`, userId: `u-${i % 13}` }));
const ids = (name: string, count: number) => eventsOf(name, count).map(({ id }) => id);
/** undefined where a random pattern is none. */
function parsed(text: string): Filter | undefined {
  try {
    return parseFilter(text);
  } catch (error) {
    if (error instanceof WeirError) return undefined;
    throw error;
  }
}

const has = (count: number) => (all: readonly TailUpdate[]) => idsOf(all).length >= count;
const skippedOf = (all: readonly TailUpdate[]) => all.reduce((sum, { skipped }) => sum + skipped, 0);

/** No event may have a key that is empty. */
function withoutEmptyKey<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => key !== ""));
}

describe("a tail", () => {
  it("says at once where it begins, and then gives every event appended after", async () => {
    const { hub, send } = await start();
    await send(...eventsOf("before", 20));
    const reader = tail(hub);
    expect(await reader.next()).toMatchObject({ events: [], skipped: 0 });
    await send(...eventsOf("after", 50));
    await reader.until(has(50));
    expect(idsOf(reader.all).sort()).toEqual(ids("after", 50).sort());
    expect(skippedOf(reader.all)).toBe(0);
  });

  it("gives a user's events in their order, flattened", async () => {
    const { hub, send } = await start();
    const reader = tail(hub);
    await reader.next();
    for (let i = 0; i < 20; i++)
      await send({ id: `e-${i}`, properties: { page: `/${i}` }, measures: { n: i } });
    await reader.until(has(20));
    const events = reader.all.flatMap((update) => update.events);
    expect(events.map(({ properties, measures }) => [properties.page, measures.n])).toEqual(
      Array.from({ length: 20 }, (_, i) => [`/${i}`, i]),
    );
  });

  it("gives those events that the filter's own evaluation takes", async () => {
    const { hub, send } = await start({ hub: { tailEvents: 1_000_000, tailBytes: 2 ** 30 } });
    const all = tail(hub);
    await all.next();
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        anyFilter,
        fc.array(anyEvent, { minLength: 1, maxLength: 10 }),
        async (text, events) => {
          round++;
          const end = { id: `end-${round}`, userId: "u", name: `end-${round}` };
          const filter = parsed(`(${text}) || name == "${end.name}"`);
          fc.pre(filter !== undefined);
          const reader = tail(hub, { filter });
          await reader.next();
          const sent = events.map((event, i) => ({
            id: `e-${round}-${i}`,
            userId: event.userId || "u",
            sessionId: event.sessionId,
            name: event.name || "n",
            source: event.source,
            properties: withoutEmptyKey(event.properties),
            measures: withoutEmptyKey(event.measures),
          }));
          const before = idsOf(all.all).length;
          await send(...sent);
          await all.until(has(before + sent.length));
          // Whatever the reader gets of the others, it has got before this one.
          await send(end);
          await all.until(has(before + sent.length + 1));
          await reader.until((updates) => idsOf(updates).includes(end.id));
          const passes = compilePredicate(filter);
          const expected = all.all
            .flatMap((update) => update.events)
            .slice(before)
            .filter(passes);
          expect(idsOf(reader.all).sort()).toEqual(expected.map(({ id }) => id).sort());
          await reader.end();
        },
      ),
      { numRuns: 60 },
    );
  });

  it("does not see another project's events", async () => {
    const { hub, send } = await start();
    const [mine, theirs] = [tail(hub, { project: "mine" }), tail(hub, { project: "theirs" })];
    await mine.next();
    await theirs.next();
    const some = (project: string) => eventsOf(project, 30).map((event) => ({ ...event, project }));
    await send(...some("mine"), ...some("theirs"));
    await mine.until(has(30));
    await theirs.until(has(30));
    expect(idsOf(mine.all).sort()).toEqual(ids("mine", 30).sort());
    expect(idsOf(theirs.all).sort()).toEqual(ids("theirs", 30).sort());
  });

  it("goes on after a break where it stood, event by event, also after a restart", async () => {
    const { hub, another, send } = await start();
    const reader = tail(hub);
    await reader.next();
    const got: string[] = [];
    for (let round = 0; round < 10; round++) {
      await send(...eventsOf(`r${round}`, 17));
      const current = round === 0 ? reader : tail(round % 2 ? another() : hub, {}, readers.at(-1)!.place);
      await current.until(has(17));
      got.push(...idsOf(current.all));
      expect(current.all.some(({ gap }) => gap)).toBe(false);
      await current.end();
    }
    const sent = Array.from({ length: 10 }, (_, round) => ids(`r${round}`, 17)).flat();
    expect(got.sort()).toEqual(sent.sort());
  });

  it("that goes on waits for its reader as long as it passes what was missed: nothing is skipped", async () => {
    const { hub, send } = await start({ hub: { tailEvents: 10 } });
    const reader = tail(hub);
    const { place } = await reader.next();
    await reader.end();
    for (let i = 0; i < 10; i++) await send(...eventsOf(`m${i}`, 100));
    const again = tail(hub, {}, place);
    await again.until(has(1000));
    expect(new Set(idsOf(again.all)).size).toBe(1000);
    expect(skippedOf(again.all)).toBe(0);
    expect(Math.max(...again.all.map(({ events }) => events.length))).toBeLessThanOrEqual(10);
  });

  it("reports as a gap what is more than is read back, and gives the rest", async () => {
    const { clock, hub, another, send } = await start();
    const reader = tail(hub);
    const { place } = await reader.next();
    await reader.end();
    for (let i = 0; i < 100; i++) {
      clock.ms += 1000;
      await send(...eventsOf(`m${i}`, 13));
    }
    const again = tail(another({ maxRecords: 130 }), {}, place);
    await again.until((all) => idsOf(all).some((id) => id.startsWith("m99-")) && idsOf(all).length >= 120);
    const gap = again.all.find((update) => update.gap)!.gap!;
    expect(gap.startMs).toBe(place.timeMs);
    const given = idsOf(again.all);
    expect(given.length).toBeLessThanOrEqual(130);
    // What was received when the gap had ended is there, all of it.
    const afterGap = Array.from({ length: 100 }, (_, i) => i)
      .filter((i) => place.timeMs + (i + 1) * 1000 >= gap.endMs)
      .flatMap((i) => ids(`m${i}`, 13));
    expect(afterGap.length).toBeGreaterThan(0);
    await again.until((all) => afterGap.every((id) => idsOf(all).includes(id)));
  });

  it("reports as a gap what the log has trimmed, and gives the rest", async () => {
    const { clock, hub, log, send } = await start();
    const reader = tail(hub);
    const { place } = await reader.next();
    await reader.end();
    for (let i = 0; i < 40; i++) {
      clock.ms += 1000;
      await send(...eventsOf(`m${i}`, 13));
    }
    await log.trim(log.ends(), clock.ms - 9500);
    const again = tail(hub, {}, place);
    await again.until(has(130));
    const gaps = again.all.flatMap(({ gap }) => (gap ? [gap] : []));
    expect(gaps[0]!.startMs).toBe(place.timeMs);
    expect(Math.max(...gaps.map(({ endMs }) => endMs))).toBe(clock.ms - 9000);
    const kept = Array.from({ length: 10 }, (_, i) => ids(`m${30 + i}`, 13)).flat();
    expect(idsOf(again.all).sort()).toEqual(kept.sort());
  });

  it("keeps no more than its bound for a reader who does not read, and counts the rest exactly", async () => {
    const { hub, send } = await start({ hub: { tailEvents: 100 } });
    const slow = tail(hub, { filter: parseFilter('name == "tick"') });
    const quick = tail(hub);
    await slow.next();
    await quick.next();
    for (let i = 0; i < 20; i++) {
      await send(...eventsOf(`a${i}`, 60), { id: `other-${i}`, name: "other" });
      // The other reader is not held up.
      await quick.until(has((i + 1) * 61));
    }
    const update = await slow.next();
    expect(update.events).toHaveLength(100);
    expect(update.skipped).toBe(20 * 60 - 100);
    // From here on it reads again, and misses nothing.
    await send(...eventsOf("b", 50));
    await slow.until(has(150));
    expect(skippedOf(slow.all)).toBe(1100);
    expect(skippedOf(quick.all)).toBe(0);
  });

  it("bounds what waits by its size too, for all readers together", async () => {
    const { hub, send } = await start({ hub: { tailBytes: 300_000 } });
    const big = (name: string): LiveEvent[] =>
      eventsOf(name, 200).map((event) => ({ ...event, properties: { text: "x".repeat(4000) } }));
    const [first, second, witness] = [
      tail(hub),
      tail(hub),
      tail(hub, { filter: parseFilter('name == "end"') }),
    ];
    for (const reader of [first, second, witness]) await reader.next();
    await send(
      ...big("a"),
      ...Array.from({ length: 13 }, (_, i) => ({ id: `end-${i}`, userId: `u-${i}`, name: "end" })),
    );
    await witness.until(has(1));
    const updates = [await first.next(), await second.next()];
    const given = updates.reduce((sum, { events }) => sum + events.length, 0);
    // About 8 KB each, as the messages that they become.
    expect(given).toBeGreaterThan(20);
    expect(given).toBeLessThan(40);
    await first.until((all) => idsOf(all).length + skippedOf(all) === 213);
  });

  it("gives heartbeats while nothing comes, and moves the place past what its filter takes out", async () => {
    const { hub, send } = await start({ hub: { heartbeatMs: 5 } });
    const reader = tail(hub, { filter: parseFilter('name == "never"') });
    const first = await reader.next();
    expect(await reader.any()).toBe("heartbeat");
    await send(...eventsOf("a", 30));
    const moved = await reader.next();
    expect(moved).toMatchObject({ events: [], skipped: 0 });
    const total = (place: LivePlace) => place.positions.reduce((a, b) => a + b);
    await reader.until((all) => total(all.at(-1)!.place) === total(first.place) + 30);
    expect(await reader.any()).toBe("heartbeat");
  });

  it("is refused when all places for streams are taken, and let in when one is free again", async () => {
    const { hub } = await start({ hub: { slots: createSlots(1, "places") } });
    const first = tail(hub);
    await first.next();
    await expect(tail(hub).next()).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "TOO_MANY_REQUESTS",
      retryDelayMs: 1000,
    });
    await first.end();
    await tail(hub).next();
  });

  it("ends with its reader, wherever it stands, and leaves nothing behind", async () => {
    const { hub, send } = await start();
    const [unread, waiting, midway] = [tail(hub), tail(hub), tail(hub)];
    await waiting.next();
    await midway.next();
    const pending = waiting.next();
    await send(...eventsOf("a", 5));
    await pending;
    await midway.next();
    for (const reader of [unread, waiting, midway]) await reader.end();
    expect(hub.stats()).toMatchObject({ streams: 0, tails: 0, members: 0 });
  });
});
