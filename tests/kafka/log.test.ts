import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { newIdentity } from "../../src/log/identity.ts";
import { type EventLog, LogStartError, PartitionCountError } from "../../src/log/log.ts";
import {
  createEventTopic,
  growTopic,
  type KafkaLogOptions,
  kafkaFixture,
  newTopicName,
  openKafkaLog,
} from "../support/kafka/log.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { logRecord } from "../support/level-log.ts";
import { appendContract } from "../support/log-contract/append.ts";
import { duplicateContract } from "../support/log-contract/duplicates.ts";
import { visible } from "../support/log-contract/fixture.ts";
import { readingContract } from "../support/log-contract/reading.ts";

describe("the log on Kafka", () => {
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
    return opened;
  }

  const make = () => kafkaFixture(broker);
  appendContract(make);
  duplicateContract(make, 8);
  readingContract(make);

  describe("at the start", () => {
    const refusal = async (options: KafkaLogOptions) => {
      const error = await open(options).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(LogStartError);
      return error as Error;
    };

    it("is refused with another number of partitions than its log has, whoever says so", async () => {
      const topic = await createEventTopic(broker, 4);
      const identity = newIdentity(4, randomBytes);
      const other = await refusal({ topic, identity, partitions: 8 });
      expect(other).toBeInstanceOf(PartitionCountError);
      expect(other.message).toMatch(/created with 4 partitions and cannot be used with 8: say 4, /);
      await growTopic(broker, topic, 8);
      const grown = await refusal({ topic, identity, partitions: 4 });
      expect(grown.message).toMatch(/has 8 partitions, but its log has 4: .*out of order/);
    });

    it.each([
      { settings: { "cleanup.policy": "compact" }, message: /cleanup.policy=compact, .*: set it to delete/ },
      { settings: { "message.timestamp.type": "CreateTime" }, message: /set it to LogAppendTime/ },
      { settings: { "max.message.bytes": "100000" }, message: /set it to 262144 at least/ },
      { settings: { "unclean.leader.election.enable": "true" }, message: /set it to false/ },
    ])("is refused with $settings", async ({ settings, message }) => {
      expect((await refusal({ topic: await createEventTopic(broker, 4, settings) })).message).toMatch(
        message,
      );
    });

    it("is refused where it does not exist", async () => {
      const topic = newTopicName();
      expect((await refusal({ topic })).message).toBe(
        `there is no topic ${topic}: create the log's topics first`,
      );
    });
  });

  it("is healthy, and says how it stands", async () => {
    const { log } = await open({ partitions: 1 });
    await visible(log, await log.append([logRecord("a"), logRecord("a")]));
    expect(log.health()).toEqual({ name: "log", status: "healthy", message: "" });
    expect(log.stats()).toMatchObject({
      appended: 1,
      duplicates: 1,
      queueEvents: 0,
      groups: 1,
      starts: [0],
      ends: [1],
    });
  });

  it("leaves no timer and no connection once its log is closed, and wakes no timer for nothing", async () => {
    const warnings: string[] = [];
    const warn = (warning: Error) => warnings.push(warning.name);
    process.on("warning", warn);
    const held = (kind: string) => process.getActiveResourcesInfo().filter((one) => one === kind).length;
    const before = held("Timeout");
    const { log } = await open();
    await log.append([logRecord("a")]);
    expect(held("TCPSocketWrap")).toBeGreaterThan(0);
    expect(held("Timeout")).toBeGreaterThan(before);
    await log.close();
    expect(held("TCPSocketWrap")).toBe(0);
    expect(held("Timeout")).toBeLessThanOrEqual(before);
    process.off("warning", warn);
    expect(warnings).toEqual([]);
  });
});
