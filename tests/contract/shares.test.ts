import { expect, test } from "vitest";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { useServer } from "../support/served.ts";

const served = useServer();

/** Sends an event for each amount, and asks for the sums by name. */
async function sums(source: string, amounts: Readonly<Record<string, number>>) {
  const events = Object.entries(amounts).map(([name, amount]) => ({
    id: name,
    userId: source,
    name,
    source,
    measures: { amount },
  }));
  await served.client.ingestion.ingestEvents({ events, options: { durability: Durability.APPLIED } });
  const filter = `source == "${source}"`;
  return served.client.analytics.getBreakdown({ dimension: "name", metric: "sum(amount)", filter });
}

test("a share is a part of the whole", async () => {
  const { rows } = await sums("parts", { a: 3, b: 1 });
  expect(rows.map(({ share }) => share)).toEqual([0.75, 0.25]);
});

test("there is no share of a whole that is not above zero, or more than a number holds", async () => {
  for (const amounts of [
    { a: 1, b: -1 },
    { a: 1.7e308, b: 1.7e308 },
  ] as const) {
    const { rows } = await sums(`total-${amounts.a}`, amounts);
    expect(rows.map(({ share }) => share)).toEqual([undefined, undefined]);
  }
});
