/**
 * The consumer's side of a Kafka log over ClickHouse, with every fault at once: crashes between and inside writes, answers
 * that are lost, writes that arrive long after, members that go on although another owns their partition, duplicates
 * across months, replays, group offsets that expire and are restored from what the store noted. What questions see must be
 * exact during each run and after it. How many runs is WEIR_SIMULATIONS.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import type { Arbiter, Committed } from "../../src/store/clickhouse/arbiter.ts";
import { type Connection, createConnection } from "../../src/store/clickhouse/connection.ts";
import { createLedger } from "../../src/store/clickhouse/ledger.ts";
import { type ClickhouseStore, openClickhouseStore } from "../../src/store/clickhouse/store.ts";
import { createFaults, type Random, randomOf } from "../support/clickhouse/faults.ts";
import { migratedDatabase, testSecret } from "../support/clickhouse-store.ts";
import { makeCopiedLog } from "../support/copied-log.ts";
import { blockOf, patiently } from "../support/store.ts";

const runs = Number(process.env.WEIR_SIMULATIONS ?? 20);
const partitions = 2;
const monthMs = 31 * 86_400e3;
/** The server ends an insert after so long; so short that a fence is old at once. */
const insertTimeoutMs = 1;
/** Of what the store could not do. */
const maxTries = 50;

/** A group: each partition has one owner, and the broker refuses everybody else's commits. */
function createGroup(random: Random, rate: () => number) {
  const commits = new Map<number, Committed>();
  const owners = Array<number>(partitions).fill(0);
  const arbiterOf = (member: number): Arbiter => ({
    committed: async (partition) => commits.get(partition),
    async commit(partition, committed) {
      if (owners[partition] !== member) throw new Error("the member is stale");
      const fails = random() < rate();
      if (!fails || random() < 0.5) commits.set(partition, committed);
      if (fails) throw new Error("the broker's answer was lost");
    },
  });
  return { commits, owners, arbiterOf };
}

async function simulate(seed: number, connection: Connection) {
  const random = randomOf(seed);
  const pick = (count: number) => Math.floor(random() * count);
  const dedupWindowMs = random() < 0.5 ? monthMs : Number.POSITIVE_INFINITY;
  const size = { partitions, records: 40, ids: 25, spreadMs: 4 * monthMs };
  const log = makeCopiedLog(random, { ...size, dedupWindowMs });
  const faults = createFaults(random);
  const group = createGroup(random, () => faults.rate);
  for (const table of ["events", "ids", "fences", "applied", "dead_letters"]) {
    await connection.command(`TRUNCATE TABLE ${table}`);
  }
  const tally = { faults: 0, zombies: 0, restored: 0 };
  let lastMember = 0;

  /** A process of the group; it shares the connection, and ends without a word. */
  async function join(): Promise<{ member: number; store: ClickhouseStore }> {
    const rate = faults.rate;
    faults.rate = 0;
    const member = ++lastMember;
    const shared: Connection = { ...faults.wrap(connection), close: async () => {} };
    const store = await openClickhouseStore(shared, {
      arbiter: group.arbiterOf(member),
      idSecret: testSecret,
      insertTimeoutMs,
      dedupWindowMs,
    });
    await persist(() => store.bind("log", partitions));
    faults.rate = rate;
    return { member, store };
  }

  async function tolerate(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof WeirError) || error.code !== "UNAVAILABLE") throw error;
      tally.faults++;
    }
  }

  /** As a consumer does, which tries again whatever the store could not do: on a busy machine the server ends inserts. */
  async function persist(work: () => Promise<unknown>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await work();
        return;
      } catch (error) {
        if (!(error instanceof WeirError) || error.code !== "UNAVAILABLE" || tries === maxTries) throw error;
      }
    }
  }

  /** What a member that believes that it owns a partition does. */
  async function step({ member, store }: { member: number; store: ClickhouseStore }): Promise<void> {
    const partition = pick(partitions);
    if (group.owners[partition] !== member) tally.zombies++;
    const from = store.positions()[partition]!;
    const records = log.records[partition]!.slice(from, from + 1 + pick(8));
    if (records.length > 0) await tolerate(store.apply([blockOf(partition, from, records)]));
    if (random() < 0.3) await tolerate(store.notePositions());
  }

  /** All members have been away for so long that the brokers have forgotten the group's offsets. */
  async function expire(): Promise<void> {
    faults.late.splice(0);
    group.owners.fill(0);
    group.commits.clear();
    for (const [partition, standpoint] of await createLedger(connection).standpoints()) {
      group.commits.set(partition, standpoint);
      tally.restored++;
    }
    members.splice(0, members.length, await join(), await join());
  }

  async function check(store: ClickhouseStore, complete: boolean): Promise<void> {
    const question = { kind: "events", selection: { project: "p" }, limit: 1000 } as const;
    const { events } = await store.ask(question, patiently());
    for (let partition = 0; partition < partitions; partition++) {
      const offsets = events.filter((event) => event.partition === partition).map(({ offset }) => offset);
      const { position } = group.commits.get(partition) ?? { position: 0 };
      const sure = [...log.kept[partition]!].filter((offset) => complete || offset < position);
      expect(new Set(offsets).size, "none twice").toBe(offsets.length);
      expect(
        offsets.filter((offset) => !log.kept[partition]!.has(offset)),
        "no copy",
      ).toEqual([]);
      expect(
        sure.filter((offset) => !offsets.includes(offset)),
        "all that was committed",
      ).toEqual([]);
    }
  }

  const members = [await join(), await join()];
  group.owners.fill(members[0]!.member);
  faults.rate = 0.15;
  for (let i = 0; i < 30; i++) {
    const member = members[pick(members.length)]!;
    const what = random();
    if (what < 0.6) await step(member);
    else if (what < 0.75) group.owners[pick(partitions)] = member.member;
    else if (what < 0.85) {
      // A crash: the partitions are another's until the group gives them to the new one.
      members[members.indexOf(member)] = await join();
    } else if (what < 0.94) await faults.late.splice(pick(faults.late.length), 1)[0]?.();
    else if (what < 0.97) {
      // By the time that a fence is old the server has ended what was on its way.
      faults.late.splice(0);
      await tolerate(member.store.closeFences());
    } else await expire();
    if (i % 2 === 0) await check(members[0]!.store, false);
  }

  faults.rate = 0;
  const last = await join();
  group.owners.fill(last.member);
  for (const [partition, records] of log.records.entries()) {
    await persist(async () => {
      await last.store.takeOver([partition]);
      const from = last.store.positions()[partition]!;
      if (from < records.length) await last.store.apply([blockOf(partition, from, records.slice(from))]);
    });
  }
  for (const arrive of faults.late.splice(0)) await arrive();
  await check(last.store, true);
  await persist(() => last.store.closeFences());
  // Fences hide rows for a moment more; long after, there is nothing to be hidden.
  await connection.command("TRUNCATE TABLE fences");
  await check(last.store, true);
  const letters = await connection.table({
    query: "SELECT partition, offset FROM dead_letters FINAL ORDER BY partition, offset",
    params: {},
  });
  const places = log.dead.flatMap((offsets, partition) => [...offsets].map((offset) => [partition, offset]));
  expect(
    Array.from({ length: letters.rowCount }, (_, i) => letters.columns.map((column) => column[i])),
  ).toEqual(places);
  return tally;
}

it(`counts every event once in ${runs} runs of crashes, late writes and former owners that wake up`, async () => {
  const connection = createConnection({ url: await migratedDatabase(), maxConnections: 4 });
  const total = { faults: 0, zombies: 0, restored: 0 };
  await fc.assert(
    fc.asyncProperty(fc.noShrink(fc.integer()), async (seed) => {
      const { faults, zombies, restored } = await simulate(seed, connection);
      total.faults += faults;
      total.zombies += zombies;
      total.restored += restored;
    }),
    { numRuns: runs },
  );
  await connection.close();
  expect(total.faults).toBeGreaterThan(runs);
  expect(total.zombies).toBeGreaterThan(runs);
  // That there is no expiry in twenty runs of thirty steps has a chance of one in ten million.
  if (runs >= 20) expect(total.restored).toBeGreaterThan(0);
}, 3_600_000);
