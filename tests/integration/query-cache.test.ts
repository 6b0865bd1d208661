import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseFilter } from "../../src/filter/parse.ts";
import { withCache } from "../../src/query/cache.ts";
import type { BoundsQuestion, Question, SummaryQuestion } from "../../src/store/questions.ts";
import type { FunnelQuestion, SequenceQuestion } from "../../src/store/sequences.ts";
import type { AskOptions, EventStore } from "../../src/store/store.ts";
import { createFeed, type Feed, patiently, type TemporaryStore, temporaryStore } from "../support/store.ts";

let temporary: TemporaryStore;
let feed: Feed;
let asked: (Question | SequenceQuestion)[];
let answers: EventStore;

beforeEach(async () => {
  temporary = await temporaryStore({ maxQueries: 1, maxWaitingQueries: 4 });
  feed = createFeed();
  asked = [];
  const counting: Pick<EventStore, "ask" | "trace"> = {
    ask(question, options) {
      asked.push(question);
      return temporary.store.ask(question, options);
    },
    trace(question, options) {
      asked.push(question);
      return temporary.store.trace(question, options);
    },
  };
  answers = withCache(Object.assign(Object.create(temporary.store) as EventStore, counting));
});
afterEach(() => temporary.remove());

async function apply(id: string, project = "p"): Promise<void> {
  await temporary.store.apply(feed.blocks([{ project, event: { id, userId: "u" } }]).blocks);
}

const summaryOf = (project: string): SummaryQuestion => ({
  kind: "summary",
  selection: { project },
  topLimit: 10,
});
const total = async (project = "p", options: AskOptions = patiently()) =>
  (await answers.ask(summaryOf(project), options)).totalEvents;

/** Some seconds of work: 8 MB of texts, all different, that none of two hundred patterns matches. */
async function slowQuestion(): Promise<BoundsQuestion> {
  const text = "x".repeat(2000);
  const events = Array.from({ length: 4000 }, (_, i) => ({
    project: "slow",
    event: { id: `${i}`, userId: `u${i}`, properties: { text: `${text}${i}` } },
  }));
  await temporary.store.apply(feed.blocks(events).blocks);
  const patterns = Array.from({ length: 200 }, (_, i) => `properties.text.matches("(x+|y${i})*z$")`);
  const filter = parseFilter(patterns.join(" || "));
  return { kind: "bounds", selection: { project: "slow", filter } };
}

it("asks the store once while nothing changes, and again after an event", async () => {
  await apply("1");
  expect([await total(), await total(), await total()]).toEqual([1, 1, 1]);
  expect(asked).toHaveLength(1);
  await apply("2");
  expect([await total(), await total()]).toEqual([2, 2]);
  expect(asked).toHaveLength(2);
  expect(answers.stats()).toMatchObject({ rows: 2, answersKept: 1, answersReused: 3 });
});

it("keeps answers about the order of events too", async () => {
  await apply("1");
  const funnel: FunnelQuestion = {
    kind: "funnel",
    selection: { project: "p" },
    steps: [{ name: "" }, { name: "" }],
    windowUs: 1e6,
    order: "ordered",
    entry: "every",
    exclusions: [],
    groupLimit: 1,
  };
  const users = async () => {
    const { steps } = await answers.trace(funnel, patiently());
    return steps.map((step) => step.users);
  };
  expect([await users(), await users()]).toEqual([
    [1, 0],
    [1, 0],
  ]);
  expect(asked).toHaveLength(1);
  await apply("2");
  expect(await users()).toEqual([1, 1]);
  expect(asked).toHaveLength(2);
});

it("asks again after rows were removed", async () => {
  await apply("1");
  expect(await total()).toBe(1);
  await temporary.store.removeBefore(Number.MAX_SAFE_INTEGER);
  expect(await total()).toBe(0);
});

it("lets equal questions that come together share one run", async () => {
  await apply("1");
  expect(await Promise.all(Array.from({ length: 20 }, () => total()))).toEqual(Array(20).fill(1));
  expect(asked).toHaveLength(1);
});

it("answers each question and each project for itself", async () => {
  await apply("1");
  await apply("2", "q");
  await apply("3", "q");
  expect(await Promise.all([total("p"), total("q"), total("none")])).toEqual([1, 2, 0]);
  expect(await Promise.all([total("p"), total("q"), total("none")])).toEqual([1, 2, 0]);
  const filtered = { project: "q", filter: parseFilter('id == "2"') };
  const question = { ...summaryOf("q"), selection: filtered };
  expect((await answers.ask(question, patiently())).totalEvents).toBe(1);
  expect(asked).toHaveLength(4);
});

it("goes on with a run that others wait for when one gives up", async () => {
  const slow = await slowQuestion();
  const caller = new AbortController();
  const impatient = answers.ask(slow, { ...patiently(), signal: caller.signal });
  const late = answers.ask(slow, { ...patiently(), deadline: Date.now() + 20 });
  const patient = answers.ask({ ...slow }, patiently());
  await expect.poll(() => temporary.store.stats().queriesRunning).toBe(1);
  caller.abort();
  await expect(impatient).rejects.toMatchObject({ code: "CANCELLED" });
  await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(await patient).toEqual({});
  expect(asked).toHaveLength(1);
});

it("ends a run that nobody waits for any more, and starts another for who asks then", async () => {
  const slow = await slowQuestion();
  const callers = [new AbortController(), new AbortController()];
  const runs = callers.map(({ signal }) => answers.ask(slow, { ...patiently(), signal }));
  await expect.poll(() => temporary.store.stats().queriesRunning).toBe(1);
  for (const caller of callers) caller.abort();
  for (const run of runs) await expect(run).rejects.toMatchObject({ code: "CANCELLED" });
  // The slot is the only one.
  expect(await total()).toBe(0);
  expect(await answers.ask(slow, patiently())).toEqual({});
  expect(asked).toHaveLength(3);
});

it("does not let a question that came before an event answer one that came after", async () => {
  const slow = await slowQuestion();
  const caller = new AbortController();
  const { signal } = caller;
  const before = answers.ask(slow, { ...patiently(), signal });
  await apply("1");
  const after = answers.ask(slow, { ...patiently(), signal });
  expect(asked).toHaveLength(2);
  caller.abort();
  for (const run of [before, after]) await expect(run).rejects.toMatchObject({ code: "CANCELLED" });
});

it("keeps no failure", async () => {
  const aborted = { ...patiently(), signal: AbortSignal.abort() };
  await expect(total("p", aborted)).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await total()).toBe(0);
});

describe("where others write to the store too", () => {
  /** Whether what they wrote is heard of; undefined: it is never said. */
  let heard: boolean | undefined;
  let version: number;
  beforeEach(() => {
    heard = true;
    version = 0;
    const followed = Object.create(temporary.store, { version: { get: () => version } }) as EventStore;
    followed.ask = (question, options) => {
      asked.push(question);
      return temporary.store.ask(question, options);
    };
    const refresh = async () => {
      if (heard === undefined) await new Promise(() => {});
      if (heard === false) throw new Error("nobody says what others wrote");
      version = temporary.store.version;
    };
    answers = withCache(followed, { refresh });
  });

  it("keeps an answer until they have written", async () => {
    await apply("1");
    expect([await total(), await total()]).toEqual([1, 1]);
    expect(asked).toHaveLength(1);
    await apply("2");
    expect([await total(), await total()]).toEqual([2, 2]);
    expect(asked).toHaveLength(2);
  });

  it.each([
    { what: "fails", now: false },
    { what: "takes long", now: undefined },
  ])("asks the store each time while hearing of it $what", async ({ now }) => {
    await apply("1");
    expect(await total()).toBe(1);
    heard = now;
    await apply("2");
    expect([await total(), await total()]).toEqual([2, 2]);
    expect(asked).toHaveLength(3);
  });
});
