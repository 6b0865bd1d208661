import { afterEach, beforeEach, expect, it } from "vitest";
import { encodeReplayField } from "../../src/domain/record/dead-letter.ts";
import { createConnection } from "../../src/store/clickhouse/connection.ts";
import { type TemporaryClickhouse, temporaryClickhouse } from "../support/clickhouse-store.ts";
import { blockOf, patiently, recordOf, storePartitions, userOn } from "../support/store.ts";

let temporary: TemporaryClickhouse;
let nowMs: number;
beforeEach(async () => {
  nowMs = 5000;
  temporary = await temporaryClickhouse(storePartitions, { now: () => nowMs });
});
afterEach(() => temporary.remove());

const user = userOn(0);
const poison = Uint8Array.of(0xff, 0xff);
const valid = (id: string) => recordOf({ event: { id, userId: user } });
const invalid = (id: string, userId = user) =>
  recordOf({ event: { id, userId, measures: { a: Number.POSITIVE_INFINITY } } });
const replay = (record: Uint8Array, id: string) => Buffer.concat([record, encodeReplayField(id)]);

const list = (options: { reason?: string; limit?: number } = {}) =>
  temporary.store.deadLetters({ projects: ["p", ""], limit: 100, ...options }, patiently());
const places = async () => (await list()).map(({ partition, offset }) => `${partition}-${offset}`);

/** Applies records as the next of partition 0. */
function apply(...records: readonly Uint8Array[]) {
  return temporary.store.apply([blockOf(0, temporary.store.positions()[0]!, records)]);
}

async function events(): Promise<number> {
  const answer = await temporary.store.ask(
    { kind: "summary", selection: { project: "p" }, topLimit: 1 },
    patiently(),
  );
  return answer.totalEvents;
}

it("are listed newest first, page by page, with all that is known of them", async () => {
  await apply(poison, invalid("1"));
  nowMs = 6000;
  await temporary.store.apply([blockOf(1, 0, [invalid("2", userOn(1))])]);
  const all = await list();
  expect(all).toEqual([
    {
      partition: 1,
      offset: 0,
      project: "p",
      reason: "INVALID_EVENT",
      message: expect.stringContaining("measures"),
      record: Buffer.from(invalid("2", userOn(1))),
      createdUs: 6_000_000,
    },
    expect.objectContaining({ partition: 0, offset: 1, createdUs: 5_000_000 }),
    expect.objectContaining({ partition: 0, offset: 0, project: "", reason: "UNDECODABLE" }),
  ]);
  const [first] = await list({ limit: 1 });
  const question = { projects: ["p", ""], limit: 100, after: first! };
  expect(await temporary.store.deadLetters(question, patiently())).toEqual(all.slice(1));
  expect(await list({ reason: "UNDECODABLE" })).toHaveLength(1);
  const ofAnother = { projects: ["q"], limit: 100 };
  expect(await temporary.store.deadLetters(ofAnother, patiently())).toEqual([]);
});

it("are replayed once, whatever was lost in between", async () => {
  await apply(valid("1"));
  // As a version of the program with stricter rules would have set it aside.
  const connection = createConnection({ url: temporary.path, maxConnections: 1 });
  await connection.command("TRUNCATE TABLE events");
  await connection.command("INSERT INTO dead_letters SELECT 0, 0, 'p', 'INVALID_EVENT', 'too strict', 1, ''");
  await connection.close();
  expect(await events()).toBe(0);
  nowMs = 7000;
  const again = replay(valid("1"), "0-0");
  expect(await apply(again)).toMatchObject({ applied: 1, duplicates: 0 });
  expect(await list()).toMatchObject([{ offset: 0, replayedUs: 7_000_000 }]);
  expect(await apply(again)).toMatchObject({ applied: 0, duplicates: 1 });
  // The commit of the first replay is lost.
  temporary.arbiter.commits.set(0, { position: 1, epoch: 1 });
  await temporary.reopen();
  expect(await apply(again, again)).toMatchObject({ applied: 1, duplicates: 1 });
  expect(await events()).toBe(1);
});

it("are replayed once, however late: when their ids were forgotten, and when an apply is repeated", async () => {
  await temporary.remove();
  temporary = await temporaryClickhouse(storePartitions, { dedupWindowMs: 60_000 });
  const strayed = recordOf({ receivedUs: 1e9, event: { id: "1", userId: user } });
  await temporary.store.apply([blockOf(1, 0, [strayed])]);
  await apply(invalid("2"));
  const again = [
    replay(strayed, "1-0"),
    replay(recordOf({ receivedUs: 1e9, event: { id: "2", userId: user } }), "0-0"),
  ];
  expect(await apply(...again)).toMatchObject({ applied: 2, duplicates: 0 });
  const day = 86_400e6;
  await apply(recordOf({ receivedUs: 1e9 + day, event: { id: "3", userId: user } }));
  expect(await temporary.store.forgetIds(Number.POSITIVE_INFINITY)).toBeGreaterThan(0);
  expect(await apply(...again)).toMatchObject({ applied: 0, duplicates: 2 });
  // The commits of all but the letter are lost.
  temporary.arbiter.commits.set(0, { position: 1, epoch: 1 });
  await temporary.reopen();
  expect(await apply(...again)).toMatchObject({ applied: 2, duplicates: 0 });
  expect(await apply(...again)).toMatchObject({ applied: 0, duplicates: 2 });
  expect(await events()).toBe(2);
});

it("stay dead letters where the replay is no better, once", async () => {
  await apply(invalid("1"));
  const again = replay(invalid("1"), "0-0");
  expect(await apply(again, again)).toMatchObject({ applied: 0, deadLetters: 1, duplicates: 1 });
  expect(await places()).toEqual(["0-1", "0-0"]);
});

it("are discarded where they belong to the projects, and counted", async () => {
  await apply(poison, invalid("1"), invalid("2"));
  const all = [0, 1, 2, 9].map((offset) => ({ partition: 0, offset }));
  expect(await temporary.store.discard(all, ["q"])).toBe(0);
  expect(await temporary.store.discard(all.slice(1), ["p"])).toBe(2);
  expect(await places()).toEqual(["0-0"]);
});
