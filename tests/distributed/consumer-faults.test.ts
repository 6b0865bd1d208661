import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createWeirClient } from "../../client/node/index.ts";
import { partitionOf } from "../../src/domain/partition.ts";
import { expectExact, type Served } from "../support/faults/exact.ts";
import { putOnLog } from "../support/faults/foreign.ts";
import { copyOf, type FaultLoad, patiently, startFaultLoad } from "../support/faults/load.ts";
import { startWitness, type Witness } from "../support/faults/witness.ts";
import { getJson } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";
import { recordOf } from "../support/store.ts";

const kills = Number(process.env.WEIR_FAULT_KILLS ?? 2);

describe("while processes apply the log", () => {
  let installation: Installation;
  let served: Served;
  let consumer: RunningServer;
  let load: FaultLoad;
  let witness: Witness;

  beforeAll(async () => {
    installation = await startInstallation();
    const roles = ["ingest", "ingest", "analytics", "consumer"];
    const [one, other, analytics, last] = await Promise.all(roles.map((role) => installation.serve(role)));
    served = { ingest: [one!.url, other!.url], analytics: analytics!.url };
    consumer = last!;
  });
  afterAll(async () => {
    // One that was started again is its own.
    await consumer?.stop();
    await installation?.close();
  });
  afterEach(() => Promise.allSettled([load?.stop(), witness?.stop()]));

  function start(name: string): void {
    load = startFaultLoad({ urls: served.ingest, name });
    witness = startWitness({ ingest: served.ingest[0], analytics: served.analytics }, name);
  }

  /** Ends the load, in which no caller was to meet anything, and holds what became of it to the count. */
  async function expectUntouched(also?: Parameters<typeof expectExact>[2]): Promise<void> {
    await load.stop();
    await witness.stop();
    expect([...load.refused, ...witness.failures]).toEqual([]);
    expect(witness.answers).toBeGreaterThan(0);
    await expectExact(load, served, also);
    // What an ingest process cannot know, which the other one took.
    const { duplicates } = await getJson(consumer.url, "/v1/consumer/stats");
    expect(Number(duplicates)).toBeGreaterThan(0);
  }

  /** Resolves once a process has itself applied so many events since it was started. */
  const hasApplied = ({ url }: RunningServer, count: number) =>
    vi.waitFor(async () => {
      const { applied_events } = await getJson(url, "/v1/consumer/stats");
      expect(Number(applied_events)).toBeGreaterThanOrEqual(count);
    }, patiently);

  it("kill -9 of the one that does, again and again, loses and doubles nothing", async () => {
    start("killed");
    for (let kill = 0; kill < kills; kill++) {
      await hasApplied(consumer, 1 + Math.floor(Math.random() * 500));
      await consumer.kill9();
      await load.more(100);
      consumer = await consumer.restart();
    }
    await hasApplied(consumer, 1);
    await witness.more(1);
    await expectUntouched();
  });

  it("one that joins, one that leaves and one that is killed with -9 lose and double nothing", async () => {
    start("shared");
    await hasApplied(consumer, 1);
    const second = await installation.serve("consumer");
    await hasApplied(second, 100);
    expect(await consumer.stop()).toBe(0);
    await load.more(300);
    const third = await installation.serve("consumer");
    await hasApplied(third, 100);
    await second.kill9();
    await witness.more(3);
    consumer = third;
    await expectUntouched();
  });

  it("foreign records that cannot be used become dead letters, and all others count", async () => {
    start("foreign");
    await load.more(100);
    const { records, counted, refused } = foreignRecords(load);
    await putOnLog(installation, records);
    await load.more(100);
    await expectUntouched(counted);

    const client = createWeirClient({ url: served.analytics });
    const { deadLetters } = await client.admin.listDeadLetters({});
    await client.close();
    expect(deadLetters.map(({ reason, record }) => [reason, Buffer.from(record)]).sort(byText)).toEqual(
      refused.map(([reason, record]) => [reason, Buffer.from(record)]).sort(byText),
    );
  });
});

const byText = (a: readonly unknown[], b: readonly unknown[]) => (String(a) < String(b) ? -1 : 1);
const partitions = 8;

/** Records of every kind, the events that count among them, and which become dead letters. */
function foreignRecords({ name, acknowledged }: FaultLoad) {
  const at = (key: string, value: Uint8Array, partition = partitionOf(key, partitions)) => ({
    key,
    value,
    partition,
  });
  const record = (userId: string, id: string, more = {}) =>
    recordOf({ project: "default", event: { userId, id, name, ...more } });
  const counted = Array.from({ length: 20 }, (_, i) => ({ userId: `foreign-${i}`, id: `${name}-${i}-ours` }));
  const used = counted.map(({ userId, id }) => at(userId, record(userId, id)));
  // Received in 1970, as recordOf says, long before what they are copies of.
  const copies = acknowledged.slice(0, 50).map((event) => {
    const { userId, id } = copyOf(event);
    return at(userId, record(userId, id));
  });
  const misplaced = counted.map(({ userId, id }, i) => {
    const elsewhere = (partitionOf(userId, partitions) + 1 + (i % (partitions - 1))) % partitions;
    return at(userId, record(userId, `${id}-elsewhere`), elsewhere);
  });
  const broken = Array.from({ length: partitions }, (_, partition) =>
    at(`broken-${partition}`, Uint8Array.of(0xff, 0xff, partition), partition),
  );
  const invalid = [
    at("invalid", record("invalid", "invalid", { measures: { a: Number.POSITIVE_INFINITY } })),
  ];
  return {
    records: [...broken, ...used, ...misplaced, ...invalid, ...copies, ...used],
    counted,
    refused: [
      ...broken.map(({ value }) => ["UNDECODABLE", value] as const),
      ...misplaced.map(({ value }) => ["WRONG_PARTITION", value] as const),
      ...invalid.map(({ value }) => ["INVALID_EVENT", value] as const),
    ],
  };
}
