import { afterAll, beforeAll, expect, it } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import type { BoundsQuestion } from "../../src/store/questions.ts";
import type { EventStore } from "../../src/store/store.ts";
import { createFeed, patiently, type TemporaryStore, temporaryStore } from "../support/store.ts";

/** One question runs, one waits, the next is refused. */
const limits = { maxQueries: 1, maxWaitingQueries: 1 };

let temporary: TemporaryStore;
let store: EventStore;

beforeAll(async () => {
  temporary = await temporaryStore(limits);
  store = temporary.store;
  const feed = createFeed();
  const text = "x".repeat(200);
  for (let batch = 0; batch < 8; batch++) {
    const events = Array.from({ length: 5000 }, (_, i) => ({
      event: { id: `${batch}-${i}`, userId: `u${i}`, properties: { text } },
    }));
    await store.apply(feed.blocks(events).blocks);
  }
});
afterAll(() => temporary.remove());

const quick: BoundsQuestion = { kind: "bounds", selection: { project: "p" } };

/**
 * A question that takes some seconds: 8 MB of text, searched by two hundred patterns, none of which matches, nor has a
 * text that every match would have.
 */
const patterns = Array.from({ length: 200 }, (_, i) => `properties.text.matches("(x+|y${i})*[vz]$")`);
const slow: BoundsQuestion = {
  kind: "bounds",
  selection: {
    project: "p",
    filter: parseFilter(patterns.join(" || ")),
  },
};

it("interrupts a question whose caller goes away, and answers the next one", async () => {
  const caller = new AbortController();
  const asked = store.ask(slow, { ...patiently(), signal: caller.signal });
  await expect.poll(() => store.stats().queriesRunning).toBe(1);
  caller.abort();
  await expect(asked).rejects.toMatchObject({ code: "CANCELLED", reason: "CANCELLED" });
  // Its slot is the only one.
  expect(await store.ask(quick, patiently())).toHaveProperty("firstEventUs");
});

it("interrupts a question whose deadline passes", async () => {
  const asked = store.ask(slow, { ...patiently(), deadline: Date.now() + 100 });
  await expect(asked).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" });
  expect(await store.ask(quick, patiently())).toHaveProperty("firstEventUs");
});

it("refuses what comes too late at once", async () => {
  const late = store.ask(quick, { ...patiently(), deadline: Date.now() - 1 });
  await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  const aborted = store.ask(quick, { ...patiently(), signal: AbortSignal.abort() });
  await expect(aborted).rejects.toMatchObject({ code: "CANCELLED" });
  // A call's deadline aborts its signal too: its caller is still there.
  const passed = new WeirError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "the deadline passed");
  const timedOut = store.ask(quick, { ...patiently(), signal: AbortSignal.abort(passed) });
  await expect(timedOut).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
});

it("lets so many wait and refuses more, with a delay after which to come again", async () => {
  const caller = new AbortController();
  const running = store.ask(slow, { ...patiently(), signal: caller.signal });
  const waiting = store.ask(quick, patiently());
  expect(store.stats()).toMatchObject({ queriesRunning: 1, queriesWaiting: 1 });
  await expect(store.ask(quick, patiently())).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "TOO_MANY_REQUESTS",
    retryDelayMs: expect.any(Number),
  });
  caller.abort();
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await waiting).toHaveProperty("firstEventUs");
  expect(store.stats()).toMatchObject({ queriesRunning: 0, queriesWaiting: 0, queriesRefused: 1 });
});

it("gives a waiting question up when its caller goes away or its deadline passes", async () => {
  const caller = new AbortController();
  const running = store.ask(slow, { ...patiently(), signal: caller.signal });
  const impatient = new AbortController();
  const first = store.ask(quick, { ...patiently(), signal: impatient.signal });
  impatient.abort();
  await expect(first).rejects.toMatchObject({ code: "CANCELLED" });
  const second = store.ask(quick, { ...patiently(), deadline: Date.now() + 20 });
  await expect(second).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(store.stats()).toMatchObject({ queriesRunning: 1, queriesWaiting: 0 });
  caller.abort();
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await store.ask(quick, patiently())).toHaveProperty("firstEventUs");
});

it("goes on applying while a question runs", async () => {
  const caller = new AbortController();
  const running = store.ask(slow, { ...patiently(), signal: caller.signal });
  const version = store.version;
  const blocks = createFeed();
  // What comes again is passed over, yet committed.
  await store.apply(blocks.blocks([{ event: { id: "0-0", userId: "u0" } }]).blocks);
  expect(store.version).toBe(version + 1);
  expect(store.stats().queriesRunning).toBe(1);
  caller.abort();
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
});

it("closes although a question runs", async () => {
  const running = store.ask(slow, patiently());
  const outcome = expect(running).rejects.toMatchObject({ name: "WeirError" });
  store = await temporary.reopen();
  await outcome;
  expect(await store.ask(quick, patiently())).toHaveProperty("firstEventUs");
});
