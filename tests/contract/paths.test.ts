import { describe, expect, test } from "vitest";
import { PathDirection, PathScope } from "../../gen/analytics/v1/analytics_paths_pb.js";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { parseEvents } from "../support/sequences.ts";
import { useServer } from "../support/served.ts";
import { timestamp } from "../support/store.ts";

const served = useServer();

const originUs = Date.UTC(2024, 0, 1) * 1000;

interface Options {
  readonly limit?: number;
  readonly depth?: number;
  readonly keepRepeats?: boolean;
  readonly direction?: PathDirection;
  readonly scope?: PathScope;
}

let questions = 0;
/** Sends one session after another, each of a user of its own, and asks for the paths of these alone. */
async function ask(sessions: readonly string[], options: Options = {}, sessionId = "") {
  const source = `paths-${++questions}`;
  const events = sessions.flatMap((text, i) =>
    parseEvents(text).map((event) => ({
      id: event.id,
      userId: `${source}-${i}`,
      name: event.name,
      sessionId,
      source,
      timestamp: timestamp(originUs + event.timestampUs),
    })),
  );
  const sent = await served.client.ingestion.ingestEvents({
    events,
    options: { durability: Durability.APPLIED },
  });
  expect(sent.acceptedCount).toBe(events.length);
  return served.client.analytics.getPaths({
    filter: `source == "${source}"`,
    anchor: { name: "A" },
    ...options,
  });
}

const { BEFORE } = PathDirection;

/** Of one path its names by level; of several the counts in words. */
const path = ({ nodes }: Awaited<ReturnType<typeof ask>>) => nodes.map(({ name }) => name).join(">");

describe("paths", () => {
  test.each<[session: string, options: Options, expected: string]>([
    ["B0 A1 C2 C3 D4", {}, "A>C>D"],
    ["B0 A1 C2 C3 D4", { keepRepeats: true }, "A>C>C>D"],
    ["A0 A1 B2 A3 C4", {}, "A>B>A>C"],
    ["A0 B1 C2 D3", { depth: 2 }, "A>B>C"],
    ["B0 C1 A2 D3 A4", { direction: BEFORE }, "A>D>A>C>B"],
    ["A0 C1 B1", {}, "A>B>C"],
  ])("of %s, %j, are %s", async (session, options, expected) => {
    const { sessions, nodes, links } = await ask([session], options);
    expect({ sessions, path: path({ nodes } as never) }).toEqual({ sessions: 1n, path: expected });
    expect(links).toHaveLength(nodes.length - 1);
    const drops = nodes.map(({ dropOffs }) => dropOffs);
    const { depth = 5 } = options;
    // The deepest level has none; above it the last name of a path drops off.
    expect(drops).toEqual(
      nodes.map(({ level }) => (level === depth ? undefined : level === nodes.length - 1 ? 1n : 0n)),
    );
  });

  test("leave out sessions without the anchor", async () => {
    expect(path(await ask(["A0 B1", "C0 D1"]))).toBe("A>B");
  });

  test("gather the names of a level beyond the limit as other", async () => {
    const { nodes, links } = await ask(["A0 B1 D2", "A0 C1 E2", "A0 C1"], { limit: 1, depth: 2 });
    const label = ({ level, name, other }: (typeof nodes)[number]) => `${level}:${other ? "other" : name}`;
    expect(nodes.map((node) => `${label(node)} ${node.sessions}`)).toEqual([
      "0:A 3",
      "1:C 2",
      "1:other 1",
      "2:D 1",
      "2:other 1",
    ]);
    const ways = links.map(
      ({ source, target, sessions }) => `${label(nodes[source]!)}>${label(nodes[target]!)} ${sessions}`,
    );
    expect(ways).toEqual(["0:A>1:C 2", "0:A>1:other 1", "1:C>2:other 1", "1:other>2:D 1"]);
    expect(nodes.map(({ dropOffs }) => dropOffs)).toEqual([0n, 1n, 0n, undefined, undefined]);
  });

  test("are of sessions, ended by a gap or told by their id, or of users", async () => {
    const far = "A0 B1 A60 C61";
    expect((await ask([far])).sessions).toBe(2n);
    expect((await ask([far], {}, "s-1")).sessions).toBe(1n);
    expect(path(await ask([far], { scope: PathScope.USER }))).toBe("A>B>A>C");
  });

  test("go out from a session's first event where no anchor is given", async () => {
    expect(path(await ask(["B0 A1 C2"], { anchor: {} } as Options))).toBe("B>A>C");
  });
});
