import { afterEach, describe, expect, it, vi } from "vitest";
import { parseFilter } from "../../src/filter/parse.ts";
import type { LiveHub, LivePlace, WindowQuestion, WindowUpdate } from "../../src/live/live.ts";
import { logRecord } from "../support/level-log.ts";
import {
  type LiveEvent,
  type LiveFixture,
  type LiveFixtureOptions,
  liveFixture,
  liveStartMs,
  type Reader,
  readerOf,
  topOf,
} from "../support/live.ts";

let fixture: LiveFixture;
const readers: Reader<WindowUpdate>[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.end();
  await fixture.close();
});

async function start(options: LiveFixtureOptions = {}): Promise<LiveFixture> {
  fixture = await liveFixture(options);
  return fixture;
}

function read(hub: LiveHub, question: Partial<WindowQuestion> = {}, after?: LivePlace): Reader<WindowUpdate> {
  const asked = { project: "default", windowMs: 60_000, intervalMs: 1, limit: 10, ...question };
  const reader = readerOf<WindowUpdate>((options) =>
    hub.windows(asked, { ...options, ...(after ? { after } : {}) }),
  );
  readers.push(reader);
  return reader;
}

const last = (all: readonly WindowUpdate[]) => all.at(-1)?.figures;
const reaches = (events: number) => (all: readonly WindowUpdate[]) => last(all)?.events === events;
const figuresOf = ({ figures: { events, activeUsers }, topEvents }: WindowUpdate) => ({
  events,
  activeUsers,
  topEvents: topEvents.map(({ name, events }) => `${name} ${events}`),
});

/** `count` events of different users and names, a second apart, the last one now. */
async function sendMany({ clock, send }: LiveFixture, count: number): Promise<LiveEvent[]> {
  const sent: LiveEvent[] = [];
  for (let i = 0; i < count; i++) {
    const event = { id: `e-${sent.length}`, userId: `u-${i % 7}`, name: `n-${i % 3}`, receivedMs: clock.ms };
    await send(event);
    sent.push(event);
    if (i < count - 1) clock.ms += 1000;
  }
  return sent;
}

describe("a live window", () => {
  it("costs nothing without a reader: the log is neither read nor listened to", async () => {
    const used = vi.fn();
    const { hub, send, log } = await start({
      wrap: (log) => ({
        ...log,
        read: (...args) => {
          used();
          return log.read(...args);
        },
        onAppend: (listener) => {
          used();
          return log.onAppend(listener);
        },
      }),
    });
    await send({ id: "a" }, { id: "b" });
    expect(log.ends().some((end) => end > 0)).toBe(true);
    expect(used).not.toHaveBeenCalled();
    expect(hub.stats()).toMatchObject({ decoded: 0, busyMs: 0, members: 0 });
    const reader = read(hub);
    await reader.until(reaches(2));
    await reader.end();
    const calls = used.mock.calls.length;
    const stats = hub.stats();
    await send({ id: "c" });
    expect(used).toHaveBeenCalledTimes(calls);
    expect(hub.stats()).toEqual({ ...stats, members: 0, behind: 0, streams: 0, windows: 0 });
  });

  it("is filled from the log as far as it reaches back, and follows what comes and goes", async () => {
    const { clock, hub, send } = await start();
    await sendMany(fixture, 90);
    const reader = read(hub);
    const first = await reader.next();
    // The last 60 of 90, a second apart, the last one at the window's end.
    expect(first).toMatchObject({ complete: true, figures: { events: 60, activeUsers: 7 } });
    expect(first.figures.endMs - first.figures.startMs).toBe(60_000);
    expect(figuresOf(first).topEvents).toEqual(["n-0 20", "n-1 20", "n-2 20"]);
    expect(first.gap).toBeUndefined();
    await send({ id: "new", userId: "newcomer", name: "n-9" });
    await reader.until(reaches(61));
    expect(reader.all.at(-1)).toMatchObject({ complete: false, topEvents: [{ name: "n-9", events: 1 }] });
    expect(last(reader.all)!.activeUsers).toBe(8);
    clock.ms += 60_000;
    await reader.until(reaches(0));
    expect(topOf(reader.all)).toEqual({});
    expect(reader.all.at(-1)!.topEvents.map(({ events }) => events)).toEqual([0, 0, 0, 0]);
  });

  it("is the same after a restart, whatever its length", async () => {
    const { clock, hub, another } = await start();
    const sent = await sendMany(fixture, 130);
    for (const windowMs of [1000, 5000, 60_000, 100_000, 3_600_000]) {
      for (const one of [hub, another()]) {
        const { figures } = await read(one, { windowMs }).next();
        const inside = sent.filter(
          ({ receivedMs }) => receivedMs! >= figures.startMs && receivedMs! <= clock.ms,
        );
        expect(figures.events).toBe(inside.length);
        expect(figures.activeUsers).toBe(new Set(inside.map(({ userId }) => userId)).size);
      }
    }
  });

  it("is read and decoded once for all readers, of whatever question", async () => {
    const { hub, send } = await start();
    const filter = parseFilter('name == "n-1"');
    const all = [
      read(hub),
      read(hub),
      read(hub, { windowMs: 5000 }),
      read(hub, { filter }),
      read(hub, { filter, limit: 1 }),
    ];
    for (const reader of all) await reader.next();
    expect(hub.stats()).toMatchObject({ windows: 3, streams: 5 });
    await send(
      ...Array.from({ length: 300 }, (_, i) => ({ id: `e-${i}`, userId: `u-${i}`, name: `n-${i % 2}` })),
    );
    for (const reader of all.slice(0, 3)) await reader.until(reaches(300));
    for (const reader of all.slice(3)) await reader.until(reaches(150));
    expect(hub.stats()).toMatchObject({ decoded: 300 });
    expect(topOf(all[3]!.all)).toEqual({ "n-1": 150 });
  });

  it("that is being filled does not hold up those who have caught up", async () => {
    const { hub, send } = await start({ hub: { sliceMs: 1 } });
    for (let batch = 0; batch < 60; batch++) {
      await send(...Array.from({ length: 1000 }, (_, i) => ({ id: `old-${batch}-${i}`, userId: `u-${i}` })));
    }
    const filter = parseFilter('name == "new"');
    const narrow = read(hub, { filter, windowMs: 1000 });
    fixture.clock.ms += 2000;
    await narrow.next();
    let filled = false;
    const filling = read(hub).next();
    void filling.then(() => {
      filled = true;
    });
    await send({ id: "new", name: "new" });
    await narrow.until(reaches(1));
    expect(filled).toBe(false);
    expect((await filling).figures.events).toBeGreaterThanOrEqual(60_000);
  });

  it("gives changes from which its reader has the top names at any time", async () => {
    const { clock, hub, send } = await start();
    const limit = 3;
    const reader = read(hub, { windowMs: 10_000, limit });
    await reader.next();
    const sent: LiveEvent[] = [];
    for (let round = 0; round < 40; round++) {
      clock.ms += 500;
      const batch = Array.from({ length: 1 + ((round * 7) % 5) }, (_, i) => ({
        id: `e-${round}-${i}`,
        name: `n-${(round * 3 + i * i) % 6}`,
        receivedMs: clock.ms,
      }));
      await send(...batch);
      sent.push(...batch);
      const from = () => last(reader.all)!.startMs;
      const inside = () => sent.filter(({ receivedMs }) => receivedMs! >= from());
      await reader.until((all) => last(all)!.endMs > clock.ms && last(all)!.events === inside().length);
      const counts = new Map<string, number>();
      for (const { name } of inside()) counts.set(name!, (counts.get(name!) ?? 0) + 1);
      const top = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, limit);
      expect(topOf(reader.all)).toEqual(Object.fromEntries(top));
    }
  });

  it("of one project does not see another's, not even by what is decoded", async () => {
    const { hub, send } = await start();
    const [mine, theirs] = [read(hub, { project: "mine" }), read(hub, { project: "theirs" })];
    await mine.next();
    await theirs.next();
    await send(
      { id: "a", project: "mine", name: "x" },
      { id: "b", project: "theirs", name: "y" },
      { id: "c", project: "mine", name: "x" },
      { id: "d", project: "nobody" },
    );
    await mine.until(reaches(2));
    await theirs.until(reaches(1));
    expect(topOf(mine.all)).toEqual({ x: 2 });
    expect(topOf(theirs.all)).toEqual({ y: 1 });
    expect(hub.stats()).toMatchObject({ decoded: 3 });
  });

  it("gives nothing while nothing changes but heartbeats", async () => {
    const { hub } = await start({ hub: { heartbeatMs: 5 } });
    const reader = read(hub);
    await reader.next();
    for (let i = 0; i < 3; i++) expect(await reader.any()).toBe("heartbeat");
  });

  it("goes on after a break with all that is in it, and says what came and went meanwhile", async () => {
    const { clock, hub, send } = await start();
    const before = read(hub);
    await send({ id: "a" });
    await before.until(reaches(1));
    await before.end();
    clock.ms += 30_000;
    await send({ id: "b" });
    const soon = read(hub, {}, before.place);
    expect(await soon.next()).toMatchObject({ complete: true, figures: { events: 2 } });
    expect(soon.all[0]!.gap).toBeUndefined();
    await soon.end();
    clock.ms += 90_000;
    const late = read(hub, {}, before.place);
    const [{ gap, figures }] = [await late.next()];
    expect(gap).toEqual({ startMs: before.place.timeMs, endMs: figures.startMs });
    // Nothing came since: a break as long is no gap.
    const idle = read(hub, {}, late.place);
    clock.ms += 90_000;
    expect((await idle.next()).gap).toBeUndefined();
  });

  it("says what of it the log no longer has, unless it was trimmed for its age", async () => {
    const { clock, log, another } = await start();
    await sendMany(fixture, 50);
    const logRetentionMs = 20_000;
    expect(await log.trim(log.ends(), clock.ms - logRetentionMs)).toBeGreaterThan(0);
    const reader = read(another({ logRetentionMs }));
    const { figures, gap } = await reader.next();
    expect(figures.events).toBeLessThan(50);
    expect(figures.events).toBeGreaterThanOrEqual(20);
    expect(gap!.startMs).toBe(figures.startMs);
    expect(gap!.endMs).toBeGreaterThan(clock.ms - 50_000);
    // A log that keeps a minute is whole for a window of a minute.
    expect((await read(another({ logRetentionMs: 60_000 })).next()).gap).toBeUndefined();
  });

  it("reads back no more than its bound, the newest, and says from when on it is whole", async () => {
    const { clock } = await start();
    const sent = await sendMany(fixture, 60);
    const { figures, gap } = await read(fixture.another({ maxRecords: 20 })).next();
    expect(figures.events).toBeLessThanOrEqual(20);
    expect(figures.events).toBeGreaterThan(12);
    expect(gap!.startMs).toBe(figures.startMs);
    const whole = sent.filter(({ receivedMs }) => receivedMs! >= gap!.endMs);
    expect(figures.events).toBeGreaterThanOrEqual(whole.length);
    clock.ms += 1000;
  });

  it("counts an identity once within an hour where the log forgets it sooner, after a restart too", async () => {
    const dedupWindowMs = 60_000;
    const { clock, hub, send, another } = await start({ hub: { dedupWindowMs }, log: { dedupWindowMs } });
    const reader = read(hub);
    await reader.next();
    await send({ id: "a", name: "first" }, { id: "b", name: "first" });
    await reader.until(reaches(2));
    clock.ms += 120_000;
    await reader.until(reaches(0));
    await send({ id: "a", name: "again" }, { id: "c", name: "new" });
    expect(fixture.log.ends().reduce((a, b) => a + b)).toBe(4);
    await reader.until(reaches(1));
    expect(topOf(reader.all)).toEqual({ new: 1 });
    expect(last(reader.all)!.duplicatesPossible).toBe(false);
    const restarted = await read(another({ dedupWindowMs })).next();
    expect(figuresOf(restarted)).toEqual({ events: 1, activeUsers: 1, topEvents: ["new 1"] });
    // An hour after the copy that counted.
    clock.ms = liveStartMs + 3_600_000;
    await send({ id: "a", name: "an hour later" });
    await reader.until((all) => topOf(all)["an hour later"] === 1);
    const bounded = another({ dedupWindowMs, windowLimits: { maxIdentities: 1 } });
    expect((await read(bounded).next()).figures.duplicatesPossible).toBe(true);
  });

  it("leaves a record out that cannot be read, and counts on", async () => {
    const { hub, log, send } = await start();
    const reader = read(hub);
    await reader.next();
    const broken = Buffer.from("\x0a\x07defaultnot a record");
    await log.append([{ ...logRecord("broken", { receivedMs: liveStartMs }), value: [broken] }]);
    await send({ id: "whole" });
    await reader.until(reaches(1));
    expect(hub.stats()).toMatchObject({ undecodable: 1 });
    expect(hub.health().status).toBe("healthy");
  });
});
