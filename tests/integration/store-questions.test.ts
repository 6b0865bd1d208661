import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EventType } from "../../gen/analytics/v1/event_pb.js";
import { parseFilter } from "../../src/filter/parse.ts";
import type { Dimension, EventCursor, Metric, Selection, StoredEvent } from "../../src/store/questions.ts";
import { expectNearly } from "../support/nearly.ts";
import { createFeed, patiently, testsClickhouse, timestamp } from "../support/store.ts";
import { type StoresByLayout, storesByLayout } from "../support/store-layouts.ts";
import * as reference from "../support/store-reference.ts";

let temporary: StoresByLayout;
const feed = createFeed();
/** Each run's events are a project of their own, beside those of all the runs before. */
let project = 0;

beforeAll(async () => {
  temporary = await storesByLayout();
});
afterAll(() => temporary.remove());

/** Texts whose order by UTF-8 bytes is not that of UTF-16 units, and other snares. */
const text = fc.constantFrom(
  "a",
  "b",
  "a\0",
  "A",
  "é",
  "\uffff",
  "\u{10000}",
  "'; --",
  "%",
  "_",
  "ab",
  "\ufeffa",
);
const id = text.filter((value) => !value.includes("\0"));
const textOrEmpty = fc.oneof(text, fc.constant(""));
const key = fc.constantFrom("a", "b", "\uffff", "\u{1F600}", "a'b\"c", "__proto__", "\ufeffa");
/** Times with many ties, near the bounds of the buckets. */
const time = fc.integer({ min: 0, max: 60 });

const event = fc.record({
  id,
  userId: text,
  sessionId: textOrEmpty,
  name: text,
  eventType: fc.constantFrom(EventType.USER, EventType.TRANSACTION, EventType.SYSTEM, EventType.CUSTOM),
  source: textOrEmpty,
  timestampUs: time,
  receivedUs: time,
  properties: fc.dictionary(key, textOrEmpty, { maxKeys: 3 }),
  // Quarters add up exactly, so that sums and ties are the same in every order.
  measures: fc.dictionary(
    key,
    fc.integer({ min: -8, max: 8 }).map((quarters) => quarters / 4),
    { maxKeys: 2 },
  ),
});

/** ClickHouse drops copies itself; what DuckDB gets may have the same id twice, where it was forgotten in between. */
const events = testsClickhouse
  ? fc.uniqueArray(event, { maxLength: 40, selector: ({ userId, id }) => `${userId}\n${id}` })
  : fc.array(event, { maxLength: 40 });

const filters: [string, reference.Passes][] = [
  ["true", () => true],
  ['name == "a" || properties.a == ""', (e) => e.name === "a" || (e.properties.a ?? "") === ""],
  ["measures.a > 0.0", (e) => (e.measures.a ?? 0) > 0],
  [
    'user_id != "\uffff" && "b" in properties',
    (e) => e.userId !== "\uffff" && Object.hasOwn(e.properties, "b"),
  ],
];
const filter = fc.constantFrom(...filters);

/** Of sessions, in microseconds as the times are. */
const gap = fc.integer({ min: 1, max: 20 });
const range = fc.record({ startUs: time, endUs: time }, { requiredKeys: [] });
const metric: fc.Arbitrary<Metric> = fc.oneof(
  fc.constantFrom<Metric>({ kind: "events" }, { kind: "unique_users" }),
  gap.map((gapUs): Metric => ({ kind: "sessions", gapUs })),
  fc
    .record({ kind: fc.constantFrom("sum", "avg", "min", "max"), measure: key })
    .map((metric): Metric => metric),
  fc
    .record({ p: fc.constantFrom(0.5, 0.9, 0.95, 0.99), measure: key })
    .map((of): Metric => ({ kind: "quantile", ...of })),
);
const dimension: fc.Arbitrary<Dimension> = fc.oneof(
  fc
    .constantFrom("id", "name", "event_type", "source", "user_id", "session_id")
    .map((field): Dimension => ({ kind: "field", field })),
  key.map((name): Dimension => ({ kind: "property", key: name })),
);
const limit = fc.integer({ min: 1, max: 5 });
/** Ascending, of even and uneven widths. */
const buckets = fc.uniqueArray(time, { minLength: 2, maxLength: 12 }).map((times) => {
  const starts = times.toSorted((a, b) => a - b);
  return { starts: starts.slice(0, -1), endUs: starts.at(-1)! };
});

const types = ["", "user", "transaction", "system", "custom"];

interface Asked {
  readonly selection: Selection;
  readonly passes: reference.Passes;
}

/** Applies the events as a project, then checks what `ask` asks of them. */
function holds<Q>(
  question: fc.Arbitrary<Q>,
  check: (events: StoredEvent[], asked: Asked, question: Q) => Promise<void>,
) {
  const property = fc.asyncProperty(
    events,
    range,
    filter,
    question,
    async (drafts, between, [expression, passes], asked) => {
      const name = `p${project++}`;
      const { blocks, places } = feed.blocks(
        drafts.map(({ timestampUs, receivedUs, ...rest }) => ({
          project: name,
          receivedUs,
          event: { ...rest, timestamp: timestamp(timestampUs) },
        })),
      );
      await temporary.store.apply(blocks);
      const stored = drafts.map((e, i) => ({ ...e, eventType: types[e.eventType]!, ...places[i]! }));
      const selection = { project: name, ...between, filter: parseFilter(expression) };
      await check(stored, { selection, passes }, asked);
    },
  );
  return fc.assert(property, { numRuns: Number(process.env.WEIR_QUESTION_RUNS ?? 60) });
}

it("answers summaries as plain loops do", () =>
  holds(
    fc.record({ topLimit: limit, sessionGapUs: gap }, { requiredKeys: ["topLimit"] }),
    async (all, { selection, passes }, rest) => {
      const question = { kind: "summary", selection, ...rest } as const;
      const answer = await temporary.store.ask(question, patiently());
      expect(answer).toEqual(reference.summary(all, question, passes));
    },
  ));

it("answers series as plain loops do", () =>
  holds(
    fc.record({ metric, buckets, groupBy: fc.array(dimension, { maxLength: 2 }), groupLimit: limit }),
    async (all, { selection, passes }, { buckets: { starts, endUs }, ...rest }) => {
      const question = { kind: "series", selection, starts, endUs, ...rest } as const;
      const answer = await temporary.store.ask(question, patiently());
      expectNearly(answer, reference.series(all, question, passes));
    },
  ));

it("answers breakdowns as plain loops do", () =>
  holds(fc.record({ metric, dimension, limit }), async (all, { selection, passes }, rest) => {
    const question = { kind: "breakdown", selection, ...rest } as const;
    const answer = await temporary.store.ask(question, patiently());
    expectNearly(answer, reference.breakdown(all, question, passes));
  }));

it("knows the first and last event of a selection", () =>
  holds(fc.constant(null), async (all, { selection, passes }) => {
    const { firstEventUs, lastEventUs } = reference.summary(
      all,
      { kind: "summary", selection, topLimit: 1 },
      passes,
    );
    const answer = await temporary.store.ask({ kind: "bounds", selection }, patiently());
    expect(answer).toEqual(firstEventUs === undefined ? {} : { firstEventUs, lastEventUs });
  }));

it("lists events page by page, each once and in order", () =>
  holds(
    fc.record({ limit, userId: fc.option(text, { nil: undefined }) }),
    async (all, { selection, passes }, { limit: size, userId }) => {
      const question = {
        kind: "events",
        selection,
        limit: size,
        ...(userId === undefined ? {} : { userId }),
      } as const;
      const listed: StoredEvent[] = [];
      for (let after: EventCursor | undefined; ; after = listed.at(-1)) {
        const page = { ...question, ...(after ? { after } : {}) };
        const { events } = await temporary.store.ask(page, patiently());
        listed.push(...events);
        if (events.length < size) break;
      }
      expect(listed).toEqual(reference.events(all, question, passes));
    },
  ));

it("answers for one user as plain loops do", () =>
  holds(
    fc.record({ userId: text, topLimit: limit, sessionGapUs: gap, sessionLimit: limit }),
    async (all, { selection, passes }, rest) => {
      const question = { kind: "user", selection, ...rest } as const;
      const answer = await temporary.store.ask(question, patiently());
      expect(answer).toEqual(reference.user(all, question, passes));
    },
  ));

it("lists dimensions as plain loops do", () =>
  holds(limit, async (all, { selection, passes }, most) => {
    const question = { kind: "dimensions", selection, limit: most } as const;
    const answer = await temporary.store.ask(question, patiently());
    expect(answer).toEqual(reference.dimensions(all, question, passes));
  }));
