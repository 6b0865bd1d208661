import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type DeadLetterTopic, openDeadLetterTopic } from "../../src/log/kafka/dead-letter-topic.ts";
import { type TemporaryClickhouse, temporaryClickhouse } from "../support/clickhouse-store.ts";
import { createDeadLetterTopic, mirrored } from "../support/kafka/mirror.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { blockOf, patiently, recordOf, storePartitions, userOn } from "../support/store.ts";

let broker: KafkaBroker;
let name: string;
/** That the store uses. */
let topic: DeadLetterTopic;
const topics: DeadLetterTopic[] = [];
let temporary: TemporaryClickhouse;
beforeAll(async () => {
  broker = await startKafka();
});
afterAll(() => broker.close());
beforeEach(async () => {
  name = await createDeadLetterTopic(broker);
  use(60_000);
  temporary = await temporaryClickhouse(storePartitions, {
    beforeCommit: (deadLetters) => topic.publish(deadLetters),
  });
});
afterEach(async () => {
  broker.resume();
  for (const one of topics.splice(0)) await one.close();
  await temporary.remove();
});

function use(writeTimeoutMs: number): void {
  topic = openDeadLetterTopic({ connection: broker, topic: name, writeTimeoutMs });
  topics.push(topic);
}

const good = (id: string) => recordOf({ event: { id, userId: userOn(0) } });
const poison = Uint8Array.of(0xff, 0xff);

it("dead letters are on their topic before ClickHouse's positions are committed, and nothing counts twice", async () => {
  await temporary.store.apply([blockOf(0, 0, [good("1"), poison])]);
  expect((await mirrored(broker, name)).map(({ key }) => key)).toEqual(["0-1"]);
  expect(temporary.arbiter.commits.get(0)?.position).toBe(2);

  await broker.stall();
  use(300);
  const next = [blockOf(0, 2, [poison, good("2")])];
  await expect(temporary.store.apply(next)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    reason: "STORE_UNAVAILABLE",
    message: expect.stringContaining(`topic ${name} cannot be written`),
  });
  expect(temporary.arbiter.commits.get(0)?.position).toBe(2);
  broker.resume();
  use(60_000);

  // As after a crash, which leaves no more than that.
  await temporary.reopen();
  expect(await temporary.store.apply(next)).toMatchObject({ applied: 1, deadLetters: 1, duplicates: 0 });
  expect(temporary.arbiter.commits.get(0)?.position).toBe(4);
  expect(new Set((await mirrored(broker, name)).map(({ key }) => key))).toEqual(new Set(["0-1", "0-2"]));
  const question = { kind: "summary", selection: { project: "p" }, topLimit: 1 } as const;
  expect((await temporary.store.ask(question, patiently())).totalEvents).toBe(2);
  const letters = await temporary.store.deadLetters({ projects: [""], limit: 10 }, patiently());
  expect(letters.map(({ offset }) => offset).sort()).toEqual([1, 2]);
});

it("where nothing was set aside, brokers are not asked", async () => {
  await broker.stall();
  expect(await temporary.store.apply([blockOf(0, 0, [good("1")])])).toMatchObject({
    applied: 1,
    setAside: [],
  });
});
