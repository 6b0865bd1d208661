import { readFile } from "node:fs/promises";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { lagOf } from "../../src/consumer/lag.ts";
import { partitionOf } from "../../src/domain/partition.ts";
import { readBlock } from "../../src/domain/record/block.ts";
import { withAdmin } from "../../src/log/kafka/admin.ts";
import { createProducer } from "../../src/log/kafka/producer.ts";
import { encodeHeaders } from "../../src/log/kafka/record-batch.ts";
import type { EventLog } from "../../src/log/log.ts";
import { type KafkaLogOptions, openKafkaLog } from "../support/kafka/log.ts";
import { startTransactions } from "../support/kafka/transactions.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { logRecord, readAll } from "../support/level-log.ts";
import { visible } from "../support/log-contract/fixture.ts";

describe("a topic of records", () => {
  let broker: KafkaBroker;
  const logs: EventLog[] = [];

  beforeAll(async () => {
    broker = await startKafka();
  });
  afterAll(() => broker.close());
  afterEach(async () => {
    for (const log of logs.splice(0)) await log.close();
  });

  async function open(options: KafkaLogOptions = {}) {
    const opened = await openKafkaLog(broker, options);
    logs.push(opened.log);
    return { ...opened, topic: opened.options.topic };
  }

  /** Resolves once readers see so many offsets of all partitions. */
  const reaches = (log: EventLog, offsets: number) =>
    vi.waitFor(() => expect(log.ends().reduce((sum, end) => sum + end)).toBe(offsets), { timeout: 10_000 });

  const texts = async (log: EventLog, partition = 0, offset = 0) => {
    const found: string[] = [];
    for (const block of await log.read(partition, offset, 1e6)) {
      readBlock(block.bytes, (record) => found.push(Buffer.from(record ?? []).toString()));
    }
    return found;
  };

  describe("shared with others", () => {
    it("has what Java's producer sends on the partitions of our reckoning", async () => {
      const { log, topic } = await open({ partitions: 8 });
      const users = Array.from({ length: 300 }, (_, i) => `${"üser✓-".repeat(i % 5)}${i}`);
      await broker.tool(
        "org.apache.kafka.tools.ConsoleProducer",
        ["--bootstrap-server", broker.brokers[0]!, "--topic", topic].concat(
          ["parse.key=true", "key.separator=\t"].flatMap((property) => ["--reader-property", property]),
        ),
        users.map((user) => `${user}\t${user}\n`).join(""),
      );
      await reaches(log, users.length);
      const stored = await readAll(log);
      expect(stored.map(({ identity }) => identity).sort()).toEqual([...users].sort());
      for (const { identity, partition } of stored) expect(partition).toBe(partitionOf(identity, 8));
    });

    it("tells Java's consumer key, headers and value of a record", async () => {
      const { log, topic } = await open();
      const trace = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
      const record = {
        ...logRecord("a", { userId: "üser", project: "shop" }),
        requestId: "request-1",
        trace,
      };
      const { partitions, offsets } = await log.append([record, logRecord("b", { userId: "üser" })]);
      const printed = await broker.tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        [
          "--bootstrap-server",
          broker.brokers[0]!,
          "--topic",
          topic,
          "--from-beginning",
          "--max-messages",
          "2",
        ].concat(
          ["key", "headers", "partition", "offset"].flatMap((part) => [
            "--formatter-property",
            `print.${part}=true`,
          ]),
        ),
      );
      const line = (i: number, headers: string, value: string) =>
        `Partition:${partitions[i]}\tOffset:${offsets[i]}\t${headers}\tüser\t${value}`;
      expect(printed.trim().split("\n")).toEqual([
        line(
          0,
          `project:shop,schema:analytics.v1.Record,request_id:request-1,traceparent:${trace}`,
          "shop/üser/a",
        ),
        line(1, "project:default,schema:analytics.v1.Record", "default/üser/b"),
      ]);
    });

    it("keeps the offsets of transactions, and shows what was committed", async () => {
      const { log, topic } = await open({ partitions: 1 });
      const transactions = await startTransactions(broker, topic);
      const send = async (value: string, end: "commit" | "abort") => {
        const transaction = await transactions.begin();
        await transaction.send({ topic, messages: [{ value }] });
        await transaction[end]();
      };
      await send("one", "commit");
      await send("two", "abort");
      await send("three", "commit");
      // The mark that ends a transaction is written after its sender has been answered.
      await reaches(log, 6);
      await log.append([logRecord("a")]);
      const open_ = await transactions.begin();
      await open_.send({ topic, messages: [{ value: "four" }] });
      await log.append([logRecord("b")]);
      await reaches(log, 7);
      const shown = ["one", "", "", "", "three", "", "default/alice/a"];
      expect(await texts(log)).toEqual(shown);
      expect(await texts(log, 0, 4)).toEqual(shown.slice(4));
      await open_.commit();
      await reaches(log, 10);
      const all = [...shown, "four", "default/alice/b", ""];
      expect(await texts(log)).toEqual(all);
      await transactions.close();
      // Not from what was kept as it came.
      const again = await open({ topic, partitions: 1 });
      for (let offset = 0; offset < 10; offset++) {
        expect(await texts(again.log, 0, offset)).toEqual(all.slice(offset));
      }
    });

    it.each(["commit", "abort"] as const)(
      "lags by what a transaction holds back, until its %s",
      async (end) => {
        const { log, topic } = await open({ partitions: 1 });
        const lag = async (applied: number) => (await lagOf(log, [applied], Date.now()))[0]!;
        const transactions = await startTransactions(broker, topic);
        await visible(log, await log.append([logRecord("before")]));
        const transaction = await transactions.begin();
        await transaction.send({ topic, messages: [{ value: "theirs" }] });
        await log.append([logRecord("ours")]);
        await vi.waitFor(async () => expect((await lag(1)).end).toBe(3), { timeout: 10_000 });
        const { seconds } = await lag(1);
        await vi.waitFor(async () => expect((await lag(1)).seconds).toBeGreaterThan(seconds), {
          timeout: 10_000,
        });
        // Readers are told of nothing that they cannot have.
        expect(log.ends()).toEqual([1]);

        await transaction[end]();
        // The mark that ends it takes an offset too.
        await reaches(log, 4);
        expect(await lag(4)).toEqual({ partition: 0, end: 4, applied: 4, seconds: 0 });
        await transactions.close();
      },
    );

    it("begins where its first records were removed", async () => {
      const { log, topic } = await open({ partitions: 1, cacheBytes: 0 });
      for (const id of ["a", "b", "c", "d"]) await visible(log, await log.append([logRecord(id)]));
      await withAdmin(broker, async (admin) => {
        await admin.fetchTopicMetadata({ topics: [topic] });
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "2" }] });
      });
      const [first] = await log.read(0, 0, 1e6);
      expect(first?.firstOffset).toBe(2);
      expect(log.starts()).toEqual([2]);
      expect(await readAll(log)).toHaveLength(2);
      const again = await open({ topic, partitions: 1 });
      expect(again.log.starts()).toEqual([2]);
    });
  });

  it("is compressed where that is asked for", async () => {
    const { log, topic } = await open({ partitions: 1, compression: "gzip" });
    const records = Array.from({ length: 100 }, (_, i) => logRecord(`e${i}`, { padding: 200 }));
    await visible(log, await log.append(records));
    expect(await readAll(log)).toHaveLength(100);
    const segment = await readFile(join(broker.dataDirectory, `${topic}-0`, "00000000000000000000.log"));
    // The codec is the three lowest bits of the batch's attributes.
    expect(segment.readInt16BE(21) & 7).toBe(kafkajs.CompressionTypes.GZIP);
    expect(segment.length).toBeLessThan(4000);
  });

  it("is sent to beyond the last sequence number, which begins again", async () => {
    const { log, topic } = await open({ partitions: 1 });
    const producer = createProducer({ connection: broker, topic, firstSequence: 2 ** 31 - 25 });
    const records = Array.from({ length: 10 }, (_, i) => ({
      key: Buffer.from("alice"),
      value: [Buffer.from(String(i))],
      headers: encodeHeaders({}),
    }));
    for (const first of [0, 10, 20, 30]) {
      expect(await producer.send(new Map([[0, records]]))).toEqual(new Map([[0, first]]));
    }
    await producer.close();
    await reaches(log, 40);
    expect(await texts(log)).toEqual([0, 1, 2, 3].flatMap(() => records.map(({ value }) => String(value))));
  });

  it("is not written to where a producer remembers the id, of as many as it may", async () => {
    const { log } = await open({ partitions: 1, maxRecentIds: 10 });
    const records = Array.from({ length: 10 }, (_, i) => logRecord(`e${i}`));
    for (const record of records) await log.append([record]);
    expect((await log.append(records.slice(5))).duplicateCount).toBe(5);
    expect(log.stats().recentIds).toBeLessThanOrEqual(10);
    // What is forgotten comes twice, for the consumer to find.
    expect((await log.append(records.slice(0, 1))).duplicateCount).toBe(0);
    expect(await log.forgetIds(Number.POSITIVE_INFINITY)).toBeGreaterThanOrEqual(5);
    expect((await log.append(records.slice(9))).duplicateCount).toBe(0);
  });

  describe("with a limit", () => {
    it("takes records up to it, however many, and refuses a larger one by name", async () => {
      const { log } = await open({ partitions: 1 });
      const large = Array.from({ length: 30 }, (_, i) => logRecord(`e${i}`, { padding: 127 * 1024 }));
      await visible(log, await log.append(large));
      expect(await readAll(log)).toHaveLength(30);
      await expect(
        log.append([logRecord("b"), logRecord("too large", { padding: 128 * 1024 })]),
      ).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        reason: "INVALID_EVENT",
        message: expect.stringMatching(/event "too large" takes \d+ bytes, the log takes at most 131072/),
      });
      expect(log.ends()).toEqual([30]);
    });

    it("that is lowered refuses a send, and what comes then is cut to it", async () => {
      const { log, topic } = await open({ partitions: 1 });
      await withAdmin(broker, (admin) =>
        admin.alterConfigs({
          validateOnly: false,
          resources: [
            {
              type: kafkajs.ConfigResourceTypes.TOPIC,
              name: topic,
              configEntries: [
                { name: "max.message.bytes", value: "262144" },
                { name: "message.timestamp.type", value: "LogAppendTime" },
              ],
            },
          ],
        }),
      );
      const large = (name: string) =>
        Array.from({ length: 10 }, (_, i) => logRecord(`${name}.${i}`, { padding: 100 * 1024 }));
      let taken = 0;
      const refusal = async () => {
        // Until the broker has heard of its new limit.
        for (;;) await log.append(large(`before ${taken++}`));
      };
      await expect(refusal()).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "LOG_UNAVAILABLE" });
      await vi.waitFor(() => expect(log.health().status).toBe("healthy"), { timeout: 10_000 });
      await visible(log, await log.append(large("after")));
      expect(await readAll(log)).toHaveLength(10 * taken);
    });
  });
});
