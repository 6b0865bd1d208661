/** Events for sequence questions, in the short notation of the vectors, and as the rows that a feed makes of them. */
import fc from "fast-check";
import { parseFilter } from "../../src/filter/parse.ts";
import type { Machine, Rows } from "../../src/sequence/sequence.ts";
import type { EventMatch } from "../../src/store/questions.ts";
import type { EventStore } from "../../src/store/store.ts";
import { byBytes, type Event, inOrder, type Predicate } from "../reference/events.ts";
import { createFeed, timestamp } from "./store.ts";

export const minuteUs = 60_000_000;

/** How often a property is tried; WEIR_SEQUENCE_RUNS raises it for a long search. */
export const numRuns = Number(process.env.WEIR_SEQUENCE_RUNS ?? 500);
/** As numRuns, for properties that each send events through a store. */
export const sequenceRuns = Number(process.env.WEIR_SEQUENCE_RUNS ?? 500);

/** Events of one user: "A0 B60.001" is an A at minute 0 and a B at 60.001, ids rising from left to right. */
export function parseEvents(text: string, userId = "u", sessionId = ""): Event[] {
  return text.split(" ").map((word, i) => ({
    userId,
    id: `${i}`.padStart(3, "0"),
    timestampUs: Math.round(Number(word.slice(1)) * minuteUs),
    name: word[0]!,
    sessionId,
    properties: {},
  }));
}

export const named =
  (...names: readonly string[]): Predicate =>
  (event) =>
    names.includes(event.name);

/** What the columns of a feed hold of an event. */
export interface Feed {
  readonly predicates?: readonly Predicate[];
  readonly excluded?: readonly Predicate[];
  readonly value?: (event: Event) => string;
  /** Leaves out rows without a predicate or exclusion, as a feed may where the question says so. */
  readonly sparse?: boolean;
}

export interface FedRows {
  readonly chunks: readonly Rows[];
  /** Text of each code, and how texts compare. */
  readonly texts: readonly string[];
  readonly compareCodes: (a: number, b: number) => number;
  readonly codeOf: (text: string) => number;
}

/** Rows as a store feeds them, `size` in each chunk. Codes are given by first use, so their order tells nothing. */
export function feed(
  events: readonly Event[],
  size: number,
  { predicates = [], excluded, value, sparse }: Feed,
): FedRows {
  const texts = [""];
  const codeOf = (text: string) => {
    const known = texts.indexOf(text);
    return known >= 0 ? known : texts.push(text) - 1;
  };
  const users = [...new Set(events.map((event) => event.userId))];
  const bits = (some: readonly Predicate[], event: Event) =>
    some.reduce((mask, predicate, i) => (predicate(event) ? mask | (1 << i) : mask), 0);
  const rows = users
    .flatMap((user, key) =>
      inOrder(events.filter((event) => event.userId === user)).map((event) => ({ key, event })),
    )
    .filter(({ event }) => !sparse || bits(predicates, event) !== 0 || bits(excluded ?? [], event) !== 0);
  const chunks: Rows[] = [];
  for (let at = 0; at < rows.length; at += size) {
    const some = rows.slice(at, at + size);
    const of = (column: (event: Event) => number) => some.map(({ event }) => column(event));
    // Columns are longer than their rows, as those of a database's last chunk are.
    chunks.push({
      length: some.length,
      users: Int32Array.from([...some.map(({ key }) => key), 0, 0]),
      times: Float64Array.from([...of((event) => event.timestampUs), 0, 0]),
      masks: Uint32Array.from([...of((event) => bits(predicates, event)), 1, 1]),
      ...(excluded ? { excluded: Uint32Array.from(of((event) => bits(excluded, event))) } : {}),
      ...(value ? { values: Int32Array.from(of((event) => codeOf(value(event)))) } : {}),
      sessions: Float64Array.from(of((event) => codeOf(event.sessionId))),
    });
  }
  return { chunks, texts, codeOf, compareCodes: (a, b) => byBytes(texts[a]!, texts[b]!) };
}

export function answer<Answer>(machine: Machine<Answer>, { chunks }: FedRows): Answer {
  for (const rows of chunks) machine.push(rows);
  return machine.finish();
}

/** Few users, few instants, few names: many ties. */
export const randomEvents = (options: {
  readonly maxLength: number;
  readonly time: fc.Arbitrary<number>;
  readonly names: readonly string[];
  /** Absent: mostly one, and two others. */
  readonly users?: readonly string[];
}): fc.Arbitrary<Event[]> =>
  fc.uniqueArray(
    fc.record({
      userId: fc.constantFrom(...(options.users ?? ["u", "u", "u", "v", "w"])),
      id: fc.integer({ min: 0, max: 99 }).map((id) => `${id}`.padStart(2, "0")),
      timestampUs: options.time,
      name: fc.constantFrom(...options.names),
      sessionId: fc.constantFrom("", "", "s", "t"),
      properties: fc.record({ plan: fc.constantFrom("", "a", "b", "\uffff", "\u{10000}") }),
    }),
    { maxLength: options.maxLength, size: "max", selector: ({ userId, id }) => `${userId} ${id}` },
  );

/** A matcher of the store, and the reference's predicate that says the same. */
export interface Matcher {
  readonly match: EventMatch;
  readonly predicate: Predicate;
}

/** Any event, a name, one of several names, or a property with or without a name. */
export const matcher: fc.Arbitrary<Matcher> = fc.oneof(
  fc.constant({ match: { name: "" }, predicate: () => true }),
  {
    weight: 3,
    arbitrary: fc
      .constantFrom("A", "B", "C")
      .map((name): Matcher => ({ match: { name }, predicate: named(name) })),
  },
  {
    weight: 2,
    arbitrary: fc.subarray(["A", "B", "C", "X"], { minLength: 1 }).map(
      (names): Matcher => ({
        match: { name: "", filter: parseFilter(`name in ${JSON.stringify(names)}`) },
        predicate: named(...names),
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("", "A", "B").map(
      (name): Matcher => ({
        match: { name, filter: parseFilter('properties.plan == "a"') },
        predicate: (event) => event.properties.plan === "a" && (name === "" || event.name === name),
      }),
    ),
  },
);

export interface RandomProject {
  /** Applies the events to a project of their own, whose name is answered. */
  apply(events: readonly Event[]): Promise<string>;
}

export function projectOf(store: EventStore): RandomProject {
  const sender = createFeed();
  let projects = 0;
  return {
    async apply(events) {
      const project = `random-${++projects}`;
      const sent = events.map((event) => ({
        project,
        event: {
          id: event.id,
          userId: event.userId,
          name: event.name,
          sessionId: event.sessionId,
          timestamp: timestamp(event.timestampUs),
          properties: event.properties,
        },
      }));
      await store.apply(sender.blocks(sent).blocks);
      return project;
    },
  };
}
