import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { DeadLetter } from "../../src/domain/record/dead-letter.ts";
import { encodeRecordHead } from "../../src/domain/record/record.ts";
import {
  type DeadLetterTopic,
  maxMirroredBytes,
  openDeadLetterTopic,
} from "../../src/log/kafka/dead-letter-topic.ts";
import { createDuckdbStore, type DuckdbStore } from "../../src/store/duckdb/store.ts";
import { createDeadLetterTopic, mirrored } from "../support/kafka/mirror.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { makeDirectory, removeDirectory } from "../support/level-log.ts";
import { blockOf, idsBeside, patiently, recordOf, storePartitions, userOn } from "../support/store.ts";

const poison = Uint8Array.of(0xff, 0xff);

function letter(offset: number, more: Partial<DeadLetter> = {}): DeadLetter {
  return {
    partition: 1,
    offset,
    project: "p",
    reason: "INVALID_EVENT",
    message: "m",
    record: poison,
    ...more,
  };
}

describe("the topic of dead letters", () => {
  let broker: KafkaBroker;
  let name: string;
  let topic: DeadLetterTopic;

  beforeAll(async () => {
    broker = await startKafka();
  });
  afterAll(() => broker.close());
  beforeEach(async () => {
    name = await createDeadLetterTopic(broker);
    topic = openDeadLetterTopic({ connection: broker, topic: name });
  });
  afterEach(async () => {
    broker.resume();
    await topic.close();
  });

  const keys = async () => (await mirrored(broker, name)).map(({ key }) => key);

  it("tells Java's consumer what was set aside, from where, and why", async () => {
    const head = encodeRecordHead("shop", 1_000_000, "request-1");
    const event = recordOf({ event: { id: "1", userId: "ann" } }).subarray(
      encodeRecordHead("p", 1_000_000, "").length,
    );
    const record = Buffer.concat([head, event]);
    await topic.publish([
      letter(7, {
        record: Buffer.from("no record"),
        project: "",
        reason: "UNDECODABLE",
        message: "broken: ü",
      }),
      letter(8, { record, project: "shop", reason: "WRONG_PARTITION" }),
    ]);
    const print = ["key", "headers", "partition", "value"].flatMap((part) => [
      "--formatter-property",
      `print.${part}=${part !== "value"}`,
    ]);
    const printed = await broker.tool(
      "org.apache.kafka.tools.consumer.ConsoleConsumer",
      [
        "--bootstrap-server",
        broker.brokers[0]!,
        "--topic",
        name,
        "--from-beginning",
        "--max-messages",
        "2",
      ].concat(print),
    );
    expect(printed.trim().split("\n")).toEqual([
      "Partition:1\treason:UNDECODABLE,message:broken: ü,project:,partition:1,offset:7\t1-7",
      "Partition:1\treason:WRONG_PARTITION,message:m,project:shop,partition:1,offset:8,request_id:request-1\t1-8",
    ]);
    expect((await mirrored(broker, name)).map(({ value }) => value)).toEqual([
      Buffer.from("no record"),
      record,
    ]);
  });

  it("takes any number at once, and of a record that is too large all but its bytes", async () => {
    const record = Buffer.alloc(maxMirroredBytes, "x");
    const letters = Array.from({ length: 5 }, (_, i) => letter(i, { partition: i % 4, record }));
    const project = "p".repeat(maxMirroredBytes);
    const larger = letter(9, { partition: 3, record: Buffer.alloc(maxMirroredBytes + 1), project });
    await topic.publish([...letters, larger]);
    const all = await mirrored(broker, name);
    expect(all.map(({ key, value }) => [key, value.length])).toEqual([
      ["0-0", maxMirroredBytes],
      ["0-4", maxMirroredBytes],
      ["1-1", maxMirroredBytes],
      ["2-2", maxMirroredBytes],
      ["3-3", maxMirroredBytes],
      ["3-9", 0],
    ]);
  });

  it("refuses in time where the broker does not answer, and takes the same again once it does", async () => {
    const impatient = openDeadLetterTopic({ connection: broker, topic: name, writeTimeoutMs: 300 });
    await topic.publish([letter(0)]);
    await broker.stall();
    const [first, second] = [impatient.publish([letter(1)]), impatient.publish([letter(2)])];
    for (const refused of await Promise.allSettled([first, second])) {
      const reason = { code: "UNAVAILABLE", reason: "LOG_UNAVAILABLE", retryDelayMs: 1000 };
      expect(refused).toMatchObject({ status: "rejected", reason });
    }
    broker.resume();
    await topic.publish([letter(1), letter(2)]);
    await impatient.close();
    // A broker that was away for long is given its partitions one after the other.
    await vi.waitFor(async () => expect(new Set(await keys())).toEqual(new Set(["1-0", "1-1", "1-2"])), {
      timeout: 20_000,
    });
  });

  it("ends what waits as it is closed", async () => {
    await topic.publish([letter(0)]);
    await broker.stall();
    const waiting = Promise.allSettled([topic.publish([letter(1)]), topic.publish([letter(2)])]);
    await topic.close();
    expect((await waiting).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  describe("over a store on DuckDB", () => {
    let directory: string;
    let store: DuckdbStore;
    const open = () => {
      const path = `${directory}/store.duckdb`;
      return createDuckdbStore({ path, ids: idsBeside(path) });
    };
    beforeEach(async () => {
      directory = await makeDirectory();
      store = await open();
      await store.bind("log", storePartitions);
    });
    afterEach(async () => {
      await store.close();
      await removeDirectory(directory);
    });

    const invalid = (partition: number, project: string, id: string) =>
      recordOf({
        project,
        event: { id, userId: userOn(partition), measures: { a: Number.POSITIVE_INFINITY } },
      });

    it("has what an apply set aside, and after a start what came since the group's commit", async () => {
      const elsewhere = recordOf({ event: { id: "1", userId: userOn(0) } });
      const before = [blockOf(0, 0, [poison]), blockOf(1, 0, [invalid(1, "p", "1")])];
      await topic.publish((await store.apply(before)).setAside);
      // Of these the process that applied them mirrors none.
      const lost = Array.from({ length: 70 }, (_, i) => invalid(2, `q${i % 3}`, `${i}`));
      const result = await store.apply([blockOf(1, 1, [elsewhere]), blockOf(2, 0, lost)]);
      expect(result.setAside.map(({ reason }) => reason)).toEqual([
        "WRONG_PARTITION",
        ...lost.map(() => "INVALID_EVENT"),
      ]);
      expect(result.setAside[0]).toEqual({
        partition: 1,
        offset: 1,
        project: "p",
        reason: "WRONG_PARTITION",
        message: "the events of its user belong on partition 0, not 1",
        record: new Uint8Array(elsewhere),
      });
      await store.close();
      store = await open();
      for await (const page of store.deadLettersFrom([1, 1, 0, 0], patiently())) await topic.publish(page);
      expect(await keys()).toEqual(["0-0", "1-0", "1-1", ...lost.map((_, i) => `2-${i}`)]);
      const all = await mirrored(broker, name);
      expect(all.map(({ value }) => value)).toEqual(
        [poison, invalid(1, "p", "1"), elsewhere, ...lost].map((record) => Buffer.from(record)),
      );
      for await (const page of store.deadLettersFrom(store.positions(), patiently()))
        expect(page).toEqual([]);
    });
  });
});
