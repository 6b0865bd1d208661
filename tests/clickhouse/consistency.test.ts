import { afterAll, beforeAll, expect, it } from "vitest";
import { type TemporaryClickhouse, temporaryClickhouse } from "../support/clickhouse-store.ts";
import { blockOf, createFeed, patiently, recordOf, storePartitions, userOn } from "../support/store.ts";

let temporary: TemporaryClickhouse;
beforeAll(async () => {
  temporary = await temporaryClickhouse(storePartitions);
});
afterAll(() => temporary.remove());

const selection = { project: "p" };

/** Runs `check` again and again while `work` goes on. */
async function during(work: Promise<void>, check: () => Promise<void>): Promise<void> {
  let ended = false;
  const end = work.finally(() => {
    ended = true;
  });
  let checks = 0;
  while (!ended) {
    await check();
    checks++;
  }
  await end;
  expect(checks).toBeGreaterThan(3);
}

it("answers a question of several statements on one state of the data", async () => {
  const feed = createFeed();
  const sending = async () => {
    for (let batch = 0; batch < 40; batch++) {
      const events = Array.from({ length: 5 }, (_, i) => ({
        event: { id: `${batch}-${i}`, userId: `u${batch}`, name: `n${batch % 20}` },
      }));
      await temporary.store.apply(feed.blocks(events).blocks);
    }
  };
  await during(sending(), async () => {
    const question = { kind: "summary", selection, topLimit: 1000, sessionGapUs: 1 } as const;
    const { totalEvents, eventsByType, topEvents } = await temporary.store.ask(question, patiently());
    const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
    expect(sum(Object.values(eventsByType))).toBe(totalEvents);
    expect(sum(topEvents.map(({ events }) => events))).toBe(totalEvents);
  });
});

it("shows no row beside the one that takes its place, as partitions change hands", async () => {
  const { store, arbiter } = temporary;
  const project = "changing";
  const replaying = async () => {
    for (let round = 0; round < 15; round++) {
      const from = store.positions()[0]!;
      const records = Array.from({ length: 10 }, (_, i) =>
        recordOf({ project, event: { id: `${round}-${i}`, userId: userOn(0) } }),
      );
      await store.apply([blockOf(0, from, records)]);
      // The commit is lost, and with it the partition: what was applied comes again.
      arbiter.commits.set(0, { ...arbiter.commits.get(0)!, position: from });
      await store.release([0]);
      await store.takeOver([0]);
      await store.apply([blockOf(0, from, records)]);
    }
  };
  await during(replaying(), async () => {
    const question = { kind: "events", selection: { project }, limit: 1000 } as const;
    const { events } = await store.ask(question, patiently());
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });
});
