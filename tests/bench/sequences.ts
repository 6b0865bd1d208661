/**
 * How fast questions about the order of events are answered, and those that build sessions:
 *
 *   node tests/bench/sequences.ts --file PATH [--rounds 5] [--robot 1000000]
 *
 * PATH is a store that `node tests/bench/questions.ts --file PATH` has filled; it is copied and left alone. The second
 * figure is the same with a user of that many events more.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import { zoneOf } from "../../src/domain/zone.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { bucketsOf, unitsFrom } from "../../src/query/buckets.ts";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import type { EventMatch, Question, RetentionTerms } from "../../src/store/questions.ts";
import type { FunnelQuestion, PathsQuestion, SequenceQuestion } from "../../src/store/sequences.ts";
import type { EventStore } from "../../src/store/store.ts";
import { feed, feedStartMs, standardFeed } from "./layout-feed.ts";

const { values } = parseArgs({
  options: {
    file: { type: "string" },
    rounds: { type: "string", default: "5" },
    robot: { type: "string", default: "1000000" },
    only: { type: "string", default: "" },
  },
});
if (values.file === undefined) throw new Error("--file names a store to ask");

const startUs = feedStartMs * 1000;
const endUs = startUs + standardFeed.days * 86_400e6;
const selection = { project: "default" };

/** Three names of some 1.5 million events together. */
const [login, addToCart, purchase] = ["login", "add_to_cart", "purchase"].map((name) => ({ name }));
const steps = [login!, addToCart!, purchase!];
const has = (name: string, filter: string): EventMatch => ({ name, filter: parseFilter(filter) });

const funnel = (part: Partial<FunnelQuestion>): FunnelQuestion => ({
  kind: "funnel",
  selection: { ...selection, startUs, endUs },
  steps,
  windowUs: 7 * 86_400e6,
  order: "ordered",
  entry: "every",
  exclusions: [],
  groupLimit: 10,
  ...part,
});

function retention(part: Partial<RetentionTerms>): RetentionTerms {
  const zone = zoneOf("UTC")!;
  const { starts, endUs: end } = bucketsOf(Granularity.WEEK, zone, startUs, endUs);
  return {
    selection: { ...selection, startUs, endUs },
    start: { name: "" },
    returns: { name: "" },
    cohorts: starts.length,
    periodStarts: [...starts, ...unitsFrom(Granularity.WEEK, zone, end, 8)],
    periods: 8,
    counting: { kind: "calendar" },
    returnRule: "on",
    ...part,
  };
}
const rolling = { kind: "rolling", unitUs: 7 * 86_400e6 } as const;

const paths = (part: Partial<PathsQuestion>): PathsQuestion => ({
  kind: "paths",
  selection,
  direction: "after",
  scope: { gapUs: 1800e6 },
  depth: 5,
  limit: 10,
  keepRepeats: false,
  ...part,
});

const ask = (question: Question) => (store: EventStore) => store.ask(question, patiently);
const trace = (question: SequenceQuestion) => (store: EventStore) => store.trace(question, patiently);
const patiently = { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY };

const table: readonly (readonly [name: string, work: (store: EventStore) => Promise<unknown>])[] = [
  ["funnel of 3 steps", trace(funnel({}))],
  ["funnel, only the first entry", trace(funnel({ entry: "first" }))],
  ["funnel, any order", trace(funnel({ order: "any_order" }))],
  ["funnel, with an exclusion", trace(funnel({ exclusions: [{ event: { name: "logout" } }] }))],
  ["funnel, one step twice", trace(funnel({ steps: [login!, login!, purchase!] }))],
  [
    "funnel, overlapping filters",
    trace(funnel({ steps: [login!, has("login", 'properties.plan == "pro"'), purchase!] })),
  ],
  ["funnel, by a property", trace(funnel({ breakdown: { kind: "property", key: "country" } }))],
  ["funnel, strict", trace(funnel({ order: "strict" }))],
  ["paths of sessions from an event", trace(paths({ anchor: login! }))],
  ["paths of sessions", trace(paths({}))],
  ["paths of users", trace(paths({ scope: "user" }))],
  ["weekly retention, first ever", ask({ kind: "first_ever_retention", ...retention({}) })],
  ["the same, rolling", ask({ kind: "first_ever_retention", ...retention({ counting: rolling }) })],
  [
    "the same, from an event",
    ask({ kind: "first_ever_retention", ...retention({ start: { name: "signup" } }) }),
  ],
  [
    "the same, from any event to another",
    ask({ kind: "first_ever_retention", ...retention({ returns: { name: "purchase" } }) }),
  ],
  ["weekly retention, recurring", trace({ kind: "recurring_retention", ...retention({}) })],
  ["summary with sessions", ask({ kind: "summary", selection, topLimit: 10, sessionGapUs: 1800e6 })],
];

let peak = 0;
const directory = mkdtempSync(join(tmpdir(), "weir-bench-"));
try {
  const path = join(directory, "events.duckdb");
  copyFileSync(values.file, path);
  const store = await createDuckdbStore({ path });
  try {
    const alone = await measure(store);
    const atRest = process.memoryUsage.rss();
    const robot = Number(values.robot);
    if (robot > 0) await addRobot(store, robot);
    const withRobot = robot > 0 ? await measure(store) : new Map<string, Figures>();
    console.log(
      `${"question".padEnd(40)}${"ms".padStart(8)}${"CPU".padStart(8)}${"with robot".padStart(12)}${"CPU".padStart(8)}`,
    );
    for (const [name] of table.filter(wanted)) {
      const figures = [alone.get(name), withRobot.get(name)].flatMap((of) => [of?.ms ?? 0, of?.cpuMs ?? 0]);
      const columns = figures.map((ms, i) => ms.toFixed(0).padStart(i === 2 ? 12 : 8));
      console.log(`${name.padEnd(40)}${columns.join("")}`);
    }
    console.log(
      "resident MiB after the questions, and at most",
      ...[atRest, peak].map((b) => Math.round(b / 2 ** 20)),
    );
  } finally {
    await store.close();
  }
} finally {
  rmSync(directory, { recursive: true });
}

function wanted([name]: readonly [string, ...unknown[]]): boolean {
  return name.includes(values.only);
}

/** Medians, warm: time passed, and what all threads worked, which other work on the machine disturbs less. */
interface Figures {
  readonly ms: number;
  readonly cpuMs: number;
}

async function measure(store: EventStore): Promise<Map<string, Figures>> {
  const medians = new Map<string, Figures>();
  for (const [name, work] of table.filter(wanted)) {
    const times: number[] = [];
    const works: number[] = [];
    // The first round warms up.
    for (let round = 0; round <= Number(values.rounds); round++) {
      const started = performance.now();
      const before = process.cpuUsage();
      await work(store);
      const { user, system } = process.cpuUsage(before);
      if (round > 0) times.push(performance.now() - started);
      if (round > 0) works.push((user + system) / 1000);
      peak = Math.max(peak, process.memoryUsage.rss());
    }
    medians.set(name, { ms: median(times), cpuMs: median(works) });
  }
  return medians;
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1]!;
}

/** A user of many events: one who is there already has them too. */
async function addRobot(store: EventStore, events: number): Promise<void> {
  const options = { ...standardFeed, users: 1, events, seed: 2, starts: store.positions() };
  for (const blocks of feed(options)) await store.apply(blocks);
}
