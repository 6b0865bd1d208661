/** Logs on topics of their own, for tests. */
import { randomBytes } from "node:crypto";
import { expect, vi } from "vitest";
import { newIdentity } from "../../../src/log/identity.ts";
import { createTopic, describeTopics, withAdmin } from "../../../src/log/kafka/admin.ts";
import type { KafkaConnection } from "../../../src/log/kafka/client.ts";
import { createKafkaLog } from "../../../src/log/kafka/kafka.ts";
import type { KafkaReader } from "../../../src/log/kafka/reader.ts";
import { eventSettings } from "../../../src/log/kafka/topic-check.ts";
import type { EventLog } from "../../../src/log/log.ts";
import type { KafkaBroker } from "../kafka.ts";
import type { LogFixture } from "../log-contract/fixture.ts";

type LogOptions = Parameters<typeof createKafkaLog>[0];
export type KafkaLogOptions = Partial<LogOptions>;

let made = 0;
export const newTopicName = () => `events-${process.pid}-${made++}`;

export async function createEventTopic(
  connection: KafkaConnection,
  partitions: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<string> {
  const topic = newTopicName();
  const all = new Map([...eventSettings(1, Number.POSITIVE_INFINITY), ...Object.entries(settings)]);
  await withAdmin(connection, (admin) =>
    createTopic(admin, { topic, partitions, replicas: 1, settings: all }),
  );
  return topic;
}

/** Gives a topic more partitions, as operators can, and waits until the broker says so. */
export function growTopic(connection: KafkaConnection, topic: string, count: number): Promise<void> {
  return withAdmin(connection, async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    await vi.waitFor(async () => expect((await describeTopics(admin, [topic]))[0]?.partitions).toBe(count));
  });
}

/** Deletes a topic of records and makes it anew, as somebody may by Kafka's own tools. */
export async function remakeTopic(connection: KafkaConnection, topic: string, partitions: number) {
  const settings = eventSettings(1, Number.POSITIVE_INFINITY);
  await withAdmin(connection, (admin) => admin.deleteTopics({ topics: [topic] }));
  await vi.waitFor(
    async () =>
      expect(
        await withAdmin(connection, (admin) =>
          createTopic(admin, { topic, partitions, replicas: 1, settings }),
        ),
      ).toBe(true),
    { timeout: 10_000 },
  );
}

/** So that brokers keep records as they were sent. */
function keptAs({ compression = "none" }: KafkaLogOptions): Record<string, string> {
  return { "compression.type": compression === "none" ? "uncompressed" : compression };
}

/** A log on a topic that is made for it, by default of 4 partitions. */
export async function openKafkaLog(
  connection: KafkaConnection,
  options: KafkaLogOptions = {},
): Promise<{ readonly log: EventLog & KafkaReader; readonly options: LogOptions }> {
  const { partitions = 4 } = options;
  const topic = options.topic ?? (await createEventTopic(connection, partitions, keptAs(options)));
  const identity = newIdentity(partitions, randomBytes);
  const all = { connection, topic, identity, ...options, partitions };
  return { log: await createKafkaLog(all), options: all };
}

/** The log on Kafka as a fixture of the contract that every log keeps; writes are held up by stalling the broker. */
export async function kafkaFixture(broker: KafkaBroker): Promise<LogFixture> {
  let current: Awaited<ReturnType<typeof openKafkaLog>> | undefined;
  return {
    async open(options = {}, again) {
      const before = current?.options;
      await current?.log.close();
      const { topic, identity, partitions } = before ?? {};
      const same = again && before ? { topic, identity, partitions } : {};
      current = await openKafkaLog(broker, { ...same, ...options } as KafkaLogOptions);
      return current.log;
    },
    hold: broker.stall,
    release: broker.resume,
    remove: async () => current?.log.close(),
  };
}
