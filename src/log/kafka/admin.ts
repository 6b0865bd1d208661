import kafkajs, { type Admin } from "kafkajs";
import { createKafkaClient, type KafkaConnection } from "./client.ts";

/** A topic as its cluster has it. */
export interface TopicDescription {
  readonly topic: string;
  readonly partitions: number;
  /** Replicas of each partition; the fewest that one has. */
  readonly replicas: number;
  /** Its settings by name, defaults included. */
  readonly settings: ReadonlyMap<string, string>;
}

/** A few, for what a broker refuses in passing; who cannot reach the cluster decides for himself how long to try. */
const retry = { retries: 3, initialRetryTime: 50, maxRetryTime: 500 };

/** @throws what kafkajs throws where the cluster cannot be reached or refuses, also when `signal` is aborted */
export async function withAdmin<T>(
  connection: KafkaConnection,
  work: (admin: Admin) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const client = createKafkaClient(connection, retry);
  const end = () => void client.close();
  signal?.addEventListener("abort", end);
  try {
    const admin = client.kafka.admin();
    await admin.connect();
    return await work(admin);
  } finally {
    signal?.removeEventListener("abort", end);
    await client.close();
  }
}

/** The topics of these names that exist, in their order. */
export async function describeTopics(admin: Admin, names: readonly string[]): Promise<TopicDescription[]> {
  const existing = new Set(await admin.listTopics());
  const topics = names.filter((name) => existing.has(name));
  if (topics.length === 0) return [];
  const [metadata, configs] = await Promise.all([
    admin.fetchTopicMetadata({ topics }),
    admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
    }),
  ]);
  return topics.map((topic) => {
    const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
    const entries = configs.resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
    return {
      topic,
      partitions: partitions.length,
      replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      settings: new Map(entries.map(({ configName, configValue }) => [configName, configValue])),
    };
  });
}
