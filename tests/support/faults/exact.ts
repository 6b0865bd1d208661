/** Holds an installation to exact counts after faults. */
import { expect } from "vitest";
import { createWeirClient, Durability } from "../../../client/node/index.ts";
import { allEvents, getJson } from "../figures.ts";
import { userOn } from "../store.ts";
import { copyOf, eventOf, type FaultLoad, keyOf, type Sent } from "./load.ts";

export interface Served {
  /** Of the ingest processes. */
  readonly ingest: readonly [string, string];
  readonly analytics: string;
}

const partitions = 8;
let marks = 0;

/**
 * Resolves once everything that these ingest processes have ever taken is applied, also what its callers have given up:
 * each process appends in the order in which it was called, and partitions are applied in order.
 */
export async function allApplied(urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    const client = createWeirClient({ url, timeoutMs: 120_000 });
    const events = Array.from({ length: partitions }, (_, partition) => ({
      id: `mark-${marks++}`,
      name: "mark",
      userId: userOn(partition, "mark", partitions),
    }));
    try {
      await client.ingestion.ingestEvents({ events, options: { durability: Durability.APPLIED } });
    } finally {
      await client.close();
    }
  }
}

/**
 * Expects that everything acknowledged is stored once, as its first copy was sent, that of the rest each is stored at most
 * once, and nothing else; and that everything counts once after all of it came again.
 *
 * @param also users and ids of further events of that name, which others have put on the log
 */
export async function expectExact(
  load: FaultLoad,
  { ingest, analytics }: Served,
  also: readonly Pick<Sent, "userId" | "id">[] = [],
): Promise<void> {
  await allApplied(ingest);
  const filter = `name == ${JSON.stringify(load.name)}`;
  const stored = (await allEvents(analytics, { filter })).map(({ id, user_id: userId, timestamp }) => ({
    key: keyOf({ id, userId }),
    timestampMs: Date.parse(timestamp),
  }));
  const counts = Map.groupBy(stored, ({ key }) => key);
  expect([...counts.values()].filter(({ length }) => length > 1)).toEqual([]);
  const foreign = new Set(also.map(keyOf));
  expect(load.acknowledged.filter((event) => !counts.has(keyOf(event)))).toEqual([]);
  expect([...foreign].filter((key) => !counts.has(key))).toEqual([]);
  expect(
    stored.filter(({ key, timestampMs }) => {
      return !foreign.has(key) && load.sent.get(key)?.timestampMs !== timestampMs;
    }),
  ).toEqual([]);
  await expectSummary(analytics, filter, counts);

  const everything = [...load.sent.values()];
  await sendAgain(ingest[1], load.name, everything);
  await allApplied([ingest[1]]);
  await expectSummary(
    analytics,
    filter,
    new Map([...everything.map(keyOf), ...foreign].map((key) => [key, 1])),
  );
}

async function expectSummary(
  analytics: string,
  filter: string,
  keys: ReadonlyMap<string, unknown>,
): Promise<void> {
  const users = new Set([...keys.keys()].map((key) => key.split("/")[0]));
  expect(await getJson(analytics, "/v1/analytics/summary", { filter })).toMatchObject({
    total_events: String(keys.size),
    unique_users: String(users.size),
  });
}

/** As another month's, where it is known already. */
async function sendAgain(url: string, name: string, all: readonly Sent[]): Promise<void> {
  const client = createWeirClient({ url });
  try {
    for (let at = 0; at < all.length; at += 1000) {
      const events = all
        .slice(at, at + 1000)
        .map((one) => eventOf(name, one.acknowledged ? copyOf(one) : one));
      expect(await client.ingestion.ingestEvents({ events })).toMatchObject({ success: true });
    }
  } finally {
    await client.close();
  }
}
