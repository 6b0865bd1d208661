/** One caller's questions leave the store open to others, also through the cache of answers. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseFilter } from "../../src/filter/parse.ts";
import { withCache } from "../../src/query/cache.ts";
import type { BoundsQuestion } from "../../src/store/questions.ts";
import type { EventStore } from "../../src/store/store.ts";
import { createFeed, type TemporaryStore, temporaryStore } from "../support/store.ts";

let temporary: TemporaryStore;
let answers: EventStore;
beforeEach(async () => {
  temporary = await temporaryStore({ maxQueries: 2, maxWaitingQueries: 4 });
  answers = withCache(temporary.store);
  const text = "x".repeat(2000);
  const events = Array.from({ length: 4000 }, (_, i) => ({
    event: { id: `${i}`, userId: `u${i}`, properties: { text: `${text}${i}` } },
  }));
  await temporary.store.apply(createFeed().blocks(events).blocks);
});
afterEach(() => temporary.remove());

/** Some seconds of work: 8 MB of texts, all different, that none of two hundred patterns matches. */
function slowQuestion(salt: string): BoundsQuestion {
  const patterns = Array.from({ length: 200 }, (_, i) => `properties.text.matches("(x+|${salt}${i})*z$")`);
  return { kind: "bounds", selection: { project: "p", filter: parseFilter(patterns.join(" || ")) } };
}

const call = (keyId: string) => ({
  signal: new AbortController().signal,
  deadline: Number.POSITIVE_INFINITY,
  principal: { project: "p", scopes: new Set<never>(), keyId },
});

it("a key that asks much runs all but one, waits in half of the places, and holds nobody up", async () => {
  const caller = new AbortController();
  const loud = { ...call("loud"), signal: caller.signal };
  const asked = ["a", "b", "c"].map((salt) => answers.ask(slowQuestion(salt), loud).catch(String));
  const { queriesRunning, queriesWaiting } = temporary.store.stats();
  expect([queriesRunning, queriesWaiting]).toEqual([1, 2]);
  await expect(answers.ask(slowQuestion("d"), loud)).rejects.toThrow("2 questions of one caller wait");
  const question = { kind: "summary", selection: { project: "p" }, topLimit: 1 } as const;
  expect((await answers.ask(question, call("quiet"))).totalEvents).toBe(4000);
  expect(temporary.store.stats().queriesRunning).toBe(1);
  caller.abort();
  await Promise.all(asked);
});
