/** Topics to which dead letters are mirrored, for tests, and what is on them. */
import { createTopic, withAdmin } from "../../../src/log/kafka/admin.ts";
import type { KafkaConnection } from "../../../src/log/kafka/client.ts";
import { createFetcher } from "../../../src/log/kafka/fetcher.ts";
import { deadLetterSettings } from "../../../src/log/kafka/topic-check.ts";
import { newTopicName } from "./log.ts";

export async function createDeadLetterTopic(connection: KafkaConnection, partitions = 4): Promise<string> {
  const topic = `${newTopicName()}-dead-letters`;
  const settings = deadLetterSettings(1, Number.POSITIVE_INFINITY);
  await withAdmin(connection, (admin) => createTopic(admin, { topic, partitions, replicas: 1, settings }));
  return topic;
}

export interface Mirrored {
  readonly partition: number;
  readonly key: string;
  readonly value: Buffer;
}

/** All records of the topic, by partition. */
export async function mirrored(
  connection: KafkaConnection,
  topic: string,
  partitions = 4,
): Promise<Mirrored[]> {
  const fetcher = createFetcher(connection, topic, partitions);
  try {
    const { ends } = await fetcher.offsets();
    const found: Mirrored[] = [];
    for (const [broker, led] of await fetcher.leaders()) {
      for (const partition of led) {
        for (let offset = 0; offset < ends[partition]!; ) {
          const [fetched] = await fetcher.fetch(broker, [{ partition, offset, maxBytes: 1024 ** 2 }], 0);
          for (const record of fetched!.records) {
            if (record.offset < offset) continue;
            offset = record.offset + 1;
            found.push({ partition, key: String(record.key), value: record.value! });
          }
        }
      }
    }
    return found.sort((a, b) => a.partition - b.partition);
  } finally {
    await fetcher.close();
  }
}
