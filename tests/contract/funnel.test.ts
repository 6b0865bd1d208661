import { describe, expect, test } from "vitest";
import { FunnelEntry, FunnelOrder } from "../../gen/analytics/v1/analytics_funnel_pb.js";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { type FunnelVector, funnelVectors } from "../support/funnel-vectors.ts";
import { parseEvents } from "../support/sequences.ts";
import { useServer } from "../support/served.ts";
import { timestamp } from "../support/store.ts";

const served = useServer();

const orders = { ordered: FunnelOrder.ORDERED, strict: FunnelOrder.STRICT, any_order: FunnelOrder.ANY_ORDER };
/** The vectors' minutes count from here. */
const originUs = Date.UTC(2024, 0, 1) * 1000;
const at = (minutes: number) => timestamp(originUs + minutes * 60e6);

/** Sends a vector's events, marked by its number, and asks its question of them alone. */
async function ask(vector: FunnelVector, number: number) {
  const mark = `vector-${number}`;
  const events = parseEvents(vector.events, mark).map((event) => ({
    id: event.id,
    userId: mark,
    name: event.name,
    timestamp: timestamp(originUs + event.timestampUs),
    properties: { vector: mark, plan: "pro" },
  }));
  const sent = await served.client.ingestion.ingestEvents({
    events,
    options: { durability: Durability.APPLIED },
  });
  expect(sent.acceptedCount).toBe(events.length);
  const { exclusion, start, end } = vector;
  return served.client.analytics.getFunnelAnalysis({
    filter: `properties.vector == "${mark}"`,
    steps: (vector.steps ?? ["A", "B", "C"]).map((name) => ({ name })),
    window: { seconds: 3600n, nanos: 0 },
    order: orders[vector.order ?? "ordered"],
    entry: vector.entry === "first" ? FunnelEntry.FIRST : FunnelEntry.EVERY,
    exclusions: exclusion
      ? [{ event: { name: exclusion.name ?? "X" }, fromStep: exclusion.from ?? 0, toStep: exclusion.to ?? 0 }]
      : [],
    timeRange: {
      ...(start === undefined ? {} : { start: at(start) }),
      ...(end === undefined ? {} : { end: at(end) }),
    },
    breakdown: "plan",
  });
}

describe("a funnel", () => {
  test.each(funnelVectors.map((vector, number) => ({ ...vector, number })))(
    "reaches $reached: $order $entry $steps $exclusion $events",
    async ({ number, ...vector }) => {
      const { steps, groups } = await ask(vector, number);
      const reached = steps.map(({ users }) => users);
      expect(reached).toEqual(steps.map((_, i) => (i < vector.reached ? 1n : 0n)));
      expect(groups.map(({ dimensionValue }) => dimensionValue)).toEqual(vector.reached > 0 ? ["pro"] : []);
    },
  );

  test("says how many convert, and how fast", async () => {
    const send = (userId: string, text: string) =>
      parseEvents(text, userId).map((event) => ({
        id: event.id,
        userId,
        name: event.name,
        timestamp: timestamp(originUs + event.timestampUs),
        source: "times",
      }));
    const events = [...send("a", "A0 B10"), ...send("b", "A0 B20"), ...send("c", "A0")];
    await served.client.ingestion.ingestEvents({ events, options: { durability: Durability.APPLIED } });
    const { steps } = await served.client.analytics.getFunnelAnalysis({
      filter: 'source == "times"',
      steps: [{ name: "A" }, { filter: 'name == "B"' }],
    });
    expect(steps).toMatchObject([
      { step: 1, users: 3n, conversionFromFirst: 1, conversionFromPrevious: 1 },
      { step: 2, users: 2n, conversionFromFirst: 2 / 3, conversionFromPrevious: 2 / 3 },
    ]);
    expect(steps[1]!.timeFromStart).toMatchObject({
      averageSeconds: 900,
      medianSeconds: 900,
      p90Seconds: 1140,
    });
    expect(steps[0]!.timeFromStart).toBeUndefined();
  });

  test.each<[part: Record<string, unknown>, field: string]>([
    [{ steps: [{ name: "A" }] }, "steps"],
    [{ steps: Array.from({ length: 50 }, () => ({ name: "A" })) }, "steps"],
    [{ steps: [{ name: "A" }, {}] }, "steps[1]"],
    [{ steps: [{ name: "A" }, { filter: "nam == 1" }] }, "steps[1].filter"],
    [{ windowSeconds: 0 }, "window"],
    [{ windowSeconds: 100 * 366 * 86_400 }, "window"],
    [{ exclusions: [{ event: { name: "X" }, fromStep: 2, toStep: 3 }] }, "exclusions"],
    [{ exclusions: [{ event: { name: "X" }, fromStep: 2, toStep: 1 }] }, "exclusions[0].to_step"],
    [{ steps: [{ name: "A" }, { filter: " \t" }] }, "steps[1]"],
    [{ exclusions: [{ event: { name: "X" }, fromStep: 1 }], order: FunnelOrder.ANY_ORDER }, "exclusions"],
    [{ breakdown: "timestamp" }, "breakdown"],
    [{ limit: 1001 }, "limit"],
  ])("%j is refused, naming the field", async ({ windowSeconds = 3600, ...part }, field) => {
    const window = { seconds: BigInt(windowSeconds as number), nanos: 0 };
    const question = { steps: [{ name: "A" }, { name: "B" }], window, ...part };
    const refused = served.client.analytics.getFunnelAnalysis(question as never);
    await expect(refused).rejects.toMatchObject({ code: 3, message: expect.stringContaining(field) });
  });
});
