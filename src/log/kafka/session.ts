import { createKafkaClient, type KafkaClient, type KafkaConnection } from "./client.ts";
import { createCluster, type RawCluster } from "./internals.ts";
import { checkTopicId } from "./topic-id.ts";

/**
 * A connection to the brokers of one topic. What fails in any way costs the connection: the next use begins with a new
 * one, and with what the brokers say then of who leads what.
 */
export interface Session {
  /** How many connections were begun so far: while it stays, every answer comes of the brokers of the one before. */
  readonly connects: number;
  /** @throws what `work` throws, and where there is no connection */
  using<T>(work: (cluster: RawCluster) => Promise<T>): Promise<T>;
  /** Ends what is under way, which then rejects, and all that comes. Resolves when the connections are gone. */
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** Of the topic when it was made: each new connection, and a used one from time to time, sees whether it still is. */
  readonly topicId?: string | undefined;
  /** Whether what `work` threw leaves the connection as good as it was. Default: nothing does. */
  readonly isHarmless?: (error: unknown) => boolean;
}

/** What failed is begun anew by the caller, not repeated by kafkajs. */
const retry = { retries: 0 };
/** How long what is known of the topic's id holds, in milliseconds. */
const topicCheckMs = 5000;

export function createSession(options: SessionOptions): Session {
  const { connection, topic, topicId, isHarmless = () => false } = options;
  let client: KafkaClient | undefined;
  let connected: Promise<RawCluster> | undefined;
  let closed = false;
  let made = 0;
  let connects = 0;
  let checkedAt = Number.NEGATIVE_INFINITY;

  async function connect(own: KafkaClient): Promise<RawCluster> {
    const cluster = createCluster(own.kafka, own.config);
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    checkedAt = Number.NEGATIVE_INFINITY;
    return cluster;
  }

  async function checked(cluster: RawCluster): Promise<RawCluster> {
    const now = performance.now();
    if (topicId === undefined || now - checkedAt < topicCheckMs) return cluster;
    await checkTopicId(cluster, topic, topicId);
    checkedAt = now;
    return cluster;
  }

  return {
    get connects() {
      return connects;
    },
    async using(work) {
      if (closed) throw new Error("the connection was closed");
      client ??= createKafkaClient(
        { ...connection, brokers: fromNext(connection.brokers, made++) },
        retry,
        () => {
          connects++;
        },
      );
      const own = client;
      connected ??= connect(own);
      try {
        return await work(await checked(await connected));
      } catch (error) {
        if (isHarmless(error)) throw error;
        if (client === own) {
          client = undefined;
          connected = undefined;
        }
        await own.close();
        throw error;
      }
    },
    async close() {
      closed = true;
      await client?.close();
    },
  };
}

/** The partitions by the id of the broker that leads them. @throws where one has no leader that is known */
export function leadersOf(
  cluster: RawCluster,
  topic: string,
  partitions: readonly number[],
): ReadonlyMap<string, readonly number[]> {
  const leaders = new Map(Object.entries(cluster.findLeaderForPartitions(topic, partitions)));
  const led = [...leaders.values()].reduce((sum, { length }) => sum + length, 0);
  if (led !== partitions.length || leaders.has("-1")) throw new Error(`topic ${topic} is not whole`);
  return leaders;
}

/** So that one broker that is away does not keep from the others. */
function fromNext(brokers: readonly string[], attempt: number): string[] {
  const first = attempt % brokers.length;
  return [...brokers.slice(first), ...brokers.slice(0, first)];
}
