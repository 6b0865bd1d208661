import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createConnection } from "../../src/store/clickhouse/connection.ts";
import { createClickhouseStore, openClickhouseStore } from "../../src/store/clickhouse/store.ts";
import type { StoredEvent } from "../../src/store/questions.ts";
import { numbers } from "../../src/store/sql/plan.ts";
import { type TemporaryClickhouse, temporaryClickhouse, testSecret } from "../support/clickhouse-store.ts";
import { deadLetters } from "../support/dead-letters.ts";
import {
  blockOf,
  patiently,
  recordOf,
  type Sent,
  storePartitions,
  timestamp,
  userOn,
} from "../support/store.ts";

const user = userOn(0);
const monthUs = 31 * 86_400e6;

let temporary: TemporaryClickhouse;
beforeEach(async () => {
  temporary = await temporaryClickhouse(storePartitions);
});
afterEach(() => temporary.remove());

interface Small extends Omit<Sent, "event"> {
  readonly us?: number;
  readonly properties?: Record<string, string>;
}

function sent(id: string, { us = 0, properties = {}, ...rest }: Small = {}): Uint8Array {
  return recordOf({ ...rest, event: { id, userId: user, properties, timestamp: timestamp(us) } });
}

async function stored(project = "p"): Promise<readonly StoredEvent[]> {
  const question = { kind: "events", selection: { project }, limit: 1000 } as const;
  return (await temporary.store.ask(question, patiently())).events;
}

const places = async () => (await stored()).map(({ offset }) => offset).sort((a, b) => a - b);

/** A block of partition 0. */
const block = (firstOffset: number, ...records: readonly Uint8Array[]) => blockOf(0, firstOffset, records);

it("applies events from 40 years, received in more months than an insert may usually have", async () => {
  const records = Array.from({ length: 480 }, (_, i) =>
    sent(`${i}`, { us: i * monthUs, receivedUs: (479 - i) * monthUs }),
  );
  expect(await temporary.store.apply([block(0, ...records)])).toMatchObject({ applied: 480 });
  const bounds = await temporary.store.ask({ kind: "bounds", selection: { project: "p" } }, patiently());
  expect(bounds).toEqual({ firstEventUs: 0, lastEventUs: 479 * monthUs });
});

it("applies the same dead letter once, however often it comes", async () => {
  const poison = Uint8Array.of(0xff, 0xff);
  expect(await temporary.store.apply([block(0, poison)])).toMatchObject({ applied: 0, deadLetters: 1 });
  // As after a commit that was lost.
  temporary.arbiter.commits.set(0, { position: 0, epoch: 1 });
  const store = await temporary.reopen();
  await store.apply([block(0, poison)]);
  await store.close();
  expect(await deadLetters(temporary.path)).toHaveLength(1);
  await temporary.reopen();
});

it("has no rows of another project in any answer", async () => {
  await temporary.store.apply([block(0, sent("1", { project: "q" }), sent("2", { project: "p" }))]);
  const selection = { project: "p" };
  const { store } = temporary;
  const asked = patiently();
  const summary = await store.ask({ kind: "summary", selection, topLimit: 5, sessionGapUs: 1 }, asked);
  expect(summary).toMatchObject({ totalEvents: 1, uniqueUsers: 1, sessions: 1 });
  const profile = {
    kind: "user",
    selection,
    userId: user,
    topLimit: 5,
    sessionGapUs: 1,
    sessionLimit: 5,
  } as const;
  expect(await store.ask(profile, asked)).toMatchObject({ events: 1, totalSessions: 1 });
  const paths = {
    kind: "paths",
    selection,
    direction: "after",
    scope: "user",
    depth: 1,
    limit: 5,
    keepRepeats: true,
  } as const;
  expect((await store.trace(paths, asked)).sessions).toBe(1);
  expect(await store.removeBefore(1, "p")).toBe(1);
  expect(await stored("q")).toHaveLength(1);
});

it("hides what a former owner left behind the position, until it is removed", async () => {
  await temporary.store.apply([block(0, sent("1"))]);
  await temporary.store.apply([block(1, sent("2"), sent("3"))]);
  // The second commit never reached the group.
  temporary.arbiter.commits.set(0, { position: 1, epoch: 1 });
  const heir = await createClickhouseStore({
    url: temporary.path,
    arbiter: temporary.arbiter,
    idSecret: testSecret,
    insertTimeoutMs: 1,
  });
  await heir.takeOver([0]);
  expect(heir.positions()[0]).toBe(1);
  expect(await places()).toEqual([0]);
  expect(await heir.apply([block(1, sent("2"), sent("3"))])).toMatchObject({ applied: 2, duplicates: 0 });
  expect(await places()).toEqual([0, 1, 2]);

  // The former owner wakes up: the server takes nothing of it.
  const stale = temporary.store.apply([block(3, sent("4"))]);
  await expect(stale).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(await places()).toEqual([0, 1, 2]);
  expect(await heir.closeFences()).toBe(0);
  expect(heir.stats().openFences).toBe(0);
  // Who closes none has not counted them.
  expect(temporary.store.stats().openFences).toBeNull();
  expect(await places()).toEqual([0, 1, 2]);
  await heir.close();
});

it("goes on applying while what former owners left is removed, which is one statement for all of it", async () => {
  const other = userOn(1);
  const left = recordOf({ event: { id: "5", userId: other } });
  await temporary.store.apply([block(0, sent("1"), sent("2")), blockOf(1, 0, [left])]);
  // Neither commit reached the group.
  for (const partition of [0, 1]) temporary.arbiter.commits.set(partition, { position: 0, epoch: 1 });
  const connection = createConnection({ url: temporary.path, maxConnections: 8 });
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const removals: string[] = [];
  const heir = await openClickhouseStore(
    {
      ...connection,
      async remove(statement) {
        if (statement.query.startsWith("DELETE FROM events ")) {
          removals.push(statement.query);
          asked.resolve();
          await held.promise;
        }
        return connection.remove(statement);
      },
    },
    { arbiter: temporary.arbiter, idSecret: testSecret, insertTimeoutMs: 1 },
  );
  await heir.takeOver([0, 1]);
  const areOld = { query: "SELECT max(written_at) < now64(3) - 0.002 FROM fences", params: {} };
  await vi.waitFor(async () => expect(numbers(await connection.table(areOld), 0)[0]).toBe(1));
  const closing = heir.closeFences();
  await asked.promise;
  expect(await heir.apply([block(0, sent("1"), sent("2")), blockOf(1, 0, [left])])).toMatchObject({
    applied: 3,
  });
  held.resolve();
  expect(await closing).toBe(0);
  expect(removals).toHaveLength(1);
  expect((await stored()).map(({ id }) => id).sort()).toEqual(["1", "2", "5"]);
  await heir.close();
});

it("goes on applying while rows and ids are removed by their age", async () => {
  const connection = createConnection({ url: temporary.path, maxConnections: 8 });
  let asked = Promise.withResolvers<void>();
  let held = Promise.withResolvers<void>();
  const store = await openClickhouseStore(
    {
      ...connection,
      async remove(statement) {
        asked.resolve();
        await held.promise;
        return connection.remove(statement);
      },
    },
    { arbiter: temporary.arbiter, idSecret: testSecret, dedupWindowMs: 1000 },
  );
  await store.apply([block(0, sent("1"), sent("2", { us: 9, receivedUs: 60e6 }))]);
  const removals = [() => store.forgetIds(Number.POSITIVE_INFINITY), () => store.removeBefore(5)];
  for (const [i, remove] of removals.entries()) {
    asked = Promise.withResolvers();
    held = Promise.withResolvers();
    const removing = remove();
    await asked.promise;
    const later = sent(`later ${i}`, { us: 9, receivedUs: 61e6 });
    // Its id is one that is kept.
    const copy = sent("2", { us: 9, receivedUs: 60.5e6 });
    expect(await store.apply([block(2 + 2 * i, later, copy)])).toMatchObject({ applied: 1, duplicates: 1 });
    held.resolve();
    expect(await removing).toBe(1);
  }
  expect(await places()).toEqual([1, 2, 4]);
  await store.close();
});

it("is not settled while the server removes rows, also for who was told nothing any more", async () => {
  const { store } = temporary;
  await store.apply([block(0, sent("1"), sent("2", { us: 5 }))]);
  expect(await store.isSettled()).toBe(true);
  const connection = createConnection({ url: temporary.path, maxConnections: 1 });
  const givingUp = new AbortController();
  const other = createConnection({ url: temporary.path, maxConnections: 1, givenUp: givingUp.signal });
  await connection.command("SYSTEM STOP MERGES events");
  const removal = other.remove({ query: "DELETE FROM events WHERE timestamp_us < 5", params: {} });
  removal.catch(() => {});
  await vi.waitFor(async () => expect(await store.isSettled()).toBe(false), { timeout: 20_000 });
  givingUp.abort();
  await expect(removal).rejects.toThrow();
  expect(await store.isSettled()).toBe(false);
  expect(await places()).toEqual([0, 1]);
  await connection.command("SYSTEM START MERGES events");
  await vi.waitFor(async () => expect(await store.isSettled()).toBe(true), { timeout: 20_000 });
  expect(await places()).toEqual([1]);
  for (const one of [connection, other]) await one.close();
});

it("forgets the ids of what an owner finds behind its position, which may not come again", async () => {
  await temporary.store.apply([block(0, sent("1"), sent("2"), sent("3"))]);
  // The log has lost its tail from offset 1 on, and others have taken its place.
  temporary.arbiter.commits.set(0, { position: 1, epoch: 1 });
  const store = await temporary.reopen();
  const others = [sent("4"), sent("5"), sent("6"), sent("2"), sent("1"), sent("3")];
  expect(await store.apply([block(1, ...others)])).toMatchObject({ applied: 5, duplicates: 1 });
  expect(await places()).toEqual([0, 1, 2, 3, 4, 6]);
});

it("keeps what it has where it goes on from the log's beginning, also what was never committed", async () => {
  await temporary.store.apply([block(0, sent("1"))]);
  await temporary.store.apply([block(1, sent("2"), sent("3"))]);
  temporary.arbiter.commits.set(0, { position: 1, epoch: 1 });
  const store = await temporary.reopen();
  await store.skipTo([5, 0, 0, 0]);
  expect(store.positions()[0]).toBe(5);
  expect(await places()).toEqual([0, 1, 2]);
  await store.apply([block(5, sent("4"))]);
  expect(await places()).toEqual([0, 1, 2, 5]);
});

it("refuses a partition whose committed offset has expired, in a line", async () => {
  await temporary.store.apply([block(0, sent("1"))]);
  temporary.arbiter.commits.clear();
  const store = await temporary.reopen();
  await expect(store.apply([block(0, sent("1"))])).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("the group has no offset for it any more"),
  });
  expect(await places()).toEqual([0]);
});

it("refuses a partition that its group has applied, but not to it, and goes on from where the log begins", async () => {
  let logStarts = [5, 0, 0, 0];
  const fresh = await temporaryClickhouse(storePartitions, { logStarts: async () => logStarts });
  const { arbiter } = fresh;
  arbiter.commits.set(0, { position: 6, epoch: 3 });
  const elsewhere = {
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("nothing of it to this"),
  };
  await expect(fresh.store.takeOver([0])).rejects.toMatchObject(elsewhere);
  await expect(fresh.store.apply([block(6, sent("1"))])).rejects.toMatchObject(elsewhere);
  expect(arbiter.commits.get(0)).toEqual({ position: 6, epoch: 3 });
  expect(await fresh.store.ledger.standpoints()).toEqual(new Map());
  logStarts = [6, 0, 0, 0];
  await fresh.store.takeOver([0]);
  expect(arbiter.commits.get(0)).toEqual({ position: 6, epoch: 4 });
  await fresh.remove();
});

it("hides nothing behind a position that the log begins beyond, which cannot be applied again", async () => {
  let logStarts = [0, 0, 0, 0];
  const reset = await temporaryClickhouse(storePartitions, { logStarts: async () => logStarts });
  await reset.store.apply([block(0, sent("1"), sent("2"), sent("3"))]);
  const stood = await reset.store.ledger.standpoints();
  reset.arbiter.commits.set(0, { position: 1, epoch: 0 });
  logStarts = [2, 0, 0, 0];
  const store = await reset.reopen();
  await expect(store.takeOver([0])).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("begins at offset 2, but the group stands at 1"),
  });
  expect(await store.ledger.standpoints()).toEqual(stood);
  expect(reset.arbiter.commits.get(0)).toEqual({ position: 1, epoch: 0 });
  await store.skipTo(logStarts);
  expect(await store.ledger.standpoints()).toEqual(new Map([[0, { position: 2, epoch: 2 }]]));
  await reset.remove();
});

it("follows what others have committed, also back, but for what it holds itself", async () => {
  const { store } = temporary;
  const { version } = store;
  store.noteApplied([3, 0, 2, 0]);
  store.noteApplied([3, 0, 2, 0]);
  expect(store.version).toBe(version + 1);
  store.noteApplied([1, 4, 2, 0]);
  expect(store.positions()).toEqual([1, 4, 2, 0]);
  expect(store.version).toBe(version + 2);
  await store.takeOver([3]);
  store.noteApplied([0, 4, 2, 9]);
  expect(store.positions()).toEqual([0, 4, 2, 0]);
});

it("is of another version once it has taken a partition over, which may hide rows", async () => {
  await temporary.store.apply([block(0, sent("1"))]);
  await temporary.store.release([0]);
  const { version } = temporary.store;
  await temporary.store.takeOver([0]);
  expect(temporary.store.version).toBe(version + 1);
});

it("gives frequent keys a column, which older rows have too, and which another process finds", async () => {
  let nowMs = 0;
  const options = { keyColumns: { window: 2, share: 0.5 }, now: () => nowMs };
  const both = await temporaryClickhouse(storePartitions, options);
  const reader = await createClickhouseStore({
    url: both.path,
    arbiter: both.arbiter,
    idSecret: testSecret,
    ...options,
  });
  const record = (id: string, key: string) => sent(id, { properties: { [key]: "x" } });
  await both.store.apply([block(0, record("1", "plan"))]);
  await both.store.apply([block(1, record("2", "plan"), record("3", "it's"))]);
  await both.store.apply([block(3, record("4", "it's"), record("5", "plan"))]);
  nowMs += 120_000;
  const question = (key: string) =>
    ({
      kind: "breakdown",
      selection: { project: "p" },
      metric: { kind: "events" },
      dimension: { kind: "property", key },
      limit: 10,
    }) as const;
  for (const store of [both.store, reader]) {
    for (const [key, events] of [
      ["plan", 3],
      ["it's", 2],
    ] as const) {
      // Twice, since the first question has the layout read anew.
      await store.ask(question(key), patiently());
      const { rows } = await store.ask(question(key), patiently());
      expect(rows.find(({ value }) => value === "x")?.metric).toBe(events);
    }
  }
  await reader.close();
  await both.remove();
});
