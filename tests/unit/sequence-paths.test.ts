import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPaths } from "../../src/sequence/paths.ts";
import type { Event, Predicate } from "../reference/events.ts";
import * as reference from "../reference/paths.ts";
import { answer, feed, named, numRuns, parseEvents, randomEvents } from "../support/sequences.ts";

/** The machine's answer, in the reference's shape. */
function ask(events: readonly Event[], question: reference.Paths, chunk: number) {
  const { anchor, limit, ...rest } = question;
  const rows = feed(events, chunk, { predicates: anchor ? [anchor] : [], value: (event) => event.name });
  const machine = createPaths({
    ...rest,
    anchored: anchor !== undefined,
    names: { limit, compareCodes: rows.compareCodes },
  });
  const { nodes, ...all } = answer(machine, rows);
  return {
    ...all,
    nodes: nodes.map(({ level, code, sessions, dropOffs }) => ({
      level,
      name: code === undefined ? undefined : rows.texts[code],
      sessions,
      dropOffs,
    })),
  };
}

/** Both answers, which are the same, in words: nodes as level:name, other as a star. */
function both(events: readonly Event[], part: Partial<reference.Paths> = {}) {
  const question: reference.Paths = {
    direction: "after",
    anchor: named("A"),
    scope: "user",
    depth: 5,
    limit: 10,
    keepRepeats: false,
    ...part,
  };
  const answered = ask(events, question, 2);
  expect(answered).toEqual(reference.paths(events, question));
  const word = (index: number) => answered.nodes[index]!.name ?? "*";
  return {
    sessions: answered.sessions,
    nodes: answered.nodes.map(({ level, name, sessions }) => `${level}:${name ?? "*"} ${sessions}`),
    links: answered.links.map(
      ({ source, target, sessions }) => `${word(source)}>${word(target)} ${sessions}`,
    ),
    dropOffs: answered.nodes.flatMap(({ name, dropOffs }) =>
      dropOffs ? [`${name ?? "*"} ${dropOffs}`] : [],
    ),
  };
}

/** The one path of a session: its nodes by level. */
const path = (text: string, part: Partial<reference.Paths> = {}) =>
  both(parseEvents(text), part)
    .nodes.map((node) => node.slice(2, -2))
    .join(part.direction === "before" ? "<" : ">");

describe("paths", () => {
  it.each([
    ["B0 A1 C2 C3 D4", {}, "A>C>D"],
    ["B0 A1 C2 C3 D4", { keepRepeats: true }, "A>C>C>D"],
    ["A0 A1 B2 A3 C4", {}, "A>B>A>C"],
    ["A0 B1 C2 D3", { depth: 2 }, "A>B>C"],
    ["B0 C1 A2 D3 A4", { direction: "before" }, "A<D<A<C<B"],
    ["A0 C1 B1", {}, "A>B>C"],
  ] as const)("of %s, %j, are %s", (text, part, expected) => {
    expect(path(text, part)).toBe(expected);
  });

  it("have no drop-offs where they are cut", () => {
    expect(both(parseEvents("A0 B1 C2 D3"), { depth: 2 }).dropOffs).toEqual([]);
    expect(both(parseEvents("A0 B1 C2 D3"), { depth: 4 }).dropOffs).toEqual(["D 1"]);
  });

  it("leave out sessions without the anchor", () => {
    const events = [...parseEvents("A0 B1", "u"), ...parseEvents("C0 D1", "v")];
    expect(both(events)).toMatchObject({ sessions: 1, links: ["A>B 1"] });
  });

  it("gather the names of a level beyond the limit as other", () => {
    const events = [
      ...parseEvents("A0 B1 D2", "u"),
      ...parseEvents("A0 C1 E2", "v"),
      ...parseEvents("A0 C1", "w"),
    ];
    expect(both(events, { limit: 1, depth: 2 })).toEqual({
      sessions: 3,
      nodes: ["0:A 3", "1:C 2", "1:* 1", "2:D 1", "2:* 1"],
      links: ["A>C 2", "A>* 1", "C>* 1", "*>D 1"],
      dropOffs: ["C 1"],
    });
  });

  it("go out from a session's first event, or back from its last, without an anchor", () => {
    const unanchored = ({ anchor: _, ...rest }: reference.Paths) => rest;
    const question = { direction: "after", scope: "user", depth: 5, limit: 10, keepRepeats: false } as const;
    const names = (direction: "after" | "before") =>
      ask(parseEvents("B0 A1 C2"), unanchored({ ...question, direction }), 2).nodes.map(({ name }) => name);
    expect(names("after")).toEqual(["B", "A", "C"]);
    expect(names("before")).toEqual(["C", "A", "B"]);
  });

  it.each([{ depth: 0 }, { depth: 11 }, { names: { limit: 0, compareCodes: () => 0 } }])(
    "refuse %j",
    (part) => {
      const question = {
        direction: "after",
        anchored: true,
        scope: "user",
        depth: 5,
        keepRepeats: true,
      } as const;
      const names = { limit: 1, compareCodes: () => 0 };
      expect(() => createPaths({ ...question, names, ...part })).toThrow(RangeError);
    },
  );

  it("agree with every session walked by itself", () => {
    const events = randomEvents({
      maxLength: 24,
      time: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 3 })),
      names: ["B", "A", "\u{10000}", "\uffff"],
    });
    const anchors = fc.constantFrom<Predicate | undefined>(
      undefined,
      named("A"),
      named("A", "\uffff"),
      (event) => event.properties.plan === "a",
    );
    const questions = fc
      .record({
        direction: fc.constantFrom("after", "before"),
        anchor: anchors,
        scope: fc.oneof(fc.constant("user" as const), fc.record({ gapUs: fc.integer({ min: 0, max: 4 }) })),
        depth: fc.integer({ min: 1, max: 5 }),
        limit: fc.integer({ min: 1, max: 4 }),
        keepRepeats: fc.boolean(),
      })
      .map(({ anchor, ...rest }): reference.Paths => (anchor ? { ...rest, anchor } : rest));
    fc.assert(
      fc.property(events, questions, fc.integer({ min: 1, max: 8 }), (all, question, size) => {
        expect(ask(all, question, size)).toEqual(reference.paths(all, question));
      }),
      { numRuns },
    );
  });
});
