import { setTimeout as delay } from "node:timers/promises";
import kafkajs, { type Admin } from "kafkajs";
import { whenAborted } from "../../domain/when-aborted.ts";
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
  const unsubscribe = whenAborted(signal, end);
  try {
    const admin = client.kafka.admin();
    await admin.connect();
    return await work(admin);
  } finally {
    unsubscribe();
    await client.close();
  }
}

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly settings: ReadonlyMap<string, string>;
}

/**
 * Makes a topic, and waits until brokers know it and who leads it. Answers whether it was made; false where it was there
 * already, or somebody else has made it meanwhile.
 */
export async function createTopic(
  admin: Admin,
  { topic, partitions, replicas, settings }: NewTopic,
): Promise<boolean> {
  const configEntries = [...settings].map(([name, value]) => ({ name, value }));
  const made = await admin.createTopics({
    // kafkajs' own waiting fails where a broker has not yet heard of the topic.
    waitForLeaders: false,
    topics: [{ topic, numPartitions: partitions, replicationFactor: replicas, configEntries }],
  });
  for (const deadline = performance.now() + createTimeoutMs; ; await delay(createPollMs)) {
    try {
      if (await isLed(admin, topic)) return made;
    } catch (error) {
      // One broker knows it, another does not yet.
      if (performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline) throw new Error(`topic ${topic} has no leaders`);
  }
}

async function isLed(admin: Admin, topic: string): Promise<boolean> {
  if (!(await admin.listTopics()).includes(topic)) return false;
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
}

const createTimeoutMs = 30_000;
const createPollMs = 20;

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
