/** Reads a topic at given offsets. What fails in any way costs the connection: the next call begins with a new one. */
import { createKafkaClient, type KafkaClient, type KafkaConnection } from "./client.ts";
import { createCluster, type RawCluster, type RawPartition, readCommitted } from "./internals.ts";

export interface FetchPosition {
  readonly partition: number;
  readonly offset: number;
  /** About how much to answer of this partition; a batch is always answered whole. */
  readonly maxBytes: number;
}

/** For each partition. */
export interface Offsets {
  /** Of the first record that is kept. */
  readonly starts: number[];
  /** Behind the last record that can be read. */
  readonly ends: number[];
}

export interface Fetcher {
  /** The topic's partitions by the id of the broker that leads them. */
  leaders(): Promise<ReadonlyMap<string, readonly number[]>>;
  /**
   * What a broker has at these positions, of partitions that it leads; waits up to `maxWaitMs` where it has nothing.
   *
   * @throws OutOfRangeError where a position lies before the first record or behind the last
   */
  fetch(
    broker: string,
    positions: readonly FetchPosition[],
    maxWaitMs: number,
  ): Promise<readonly RawPartition[]>;
  offsets(): Promise<Offsets>;
  /** Ends what is under way, which then rejects, and all that comes. Resolves when the connections are gone. */
  close(): Promise<void>;
}

/** There is nothing at this offset, nor will there be before others. */
export class OutOfRangeError extends Error {
  override readonly name = "OutOfRangeError";
}

/** Most bytes of one answer. */
const maxAnswerBytes = 16 * 1024 ** 2;
/** What failed is begun anew by the caller, not repeated by kafkajs. */
const retry = { retries: 0 };

/** Offsets as of now, by a connection of its own, which ends when `signal` is aborted. */
export async function currentOffsets(
  connection: KafkaConnection,
  topic: string,
  partitions: number,
  signal: AbortSignal,
): Promise<Offsets> {
  const fetcher = createFetcher(connection, topic, partitions);
  const end = () => void fetcher.close();
  signal.addEventListener("abort", end);
  try {
    return await fetcher.offsets();
  } finally {
    signal.removeEventListener("abort", end);
    await fetcher.close();
  }
}

/** @param partitions how many the topic has */
export function createFetcher(connection: KafkaConnection, topic: string, partitions: number): Fetcher {
  const all = Array.from({ length: partitions }, (_, partition) => ({ partition }));
  let client: KafkaClient | undefined;
  let connected: Promise<RawCluster> | undefined;
  let closed = false;

  async function connect(own: KafkaClient): Promise<RawCluster> {
    const cluster = createCluster(own.kafka, own.config);
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    return cluster;
  }

  async function using<T>(work: (cluster: RawCluster) => Promise<T>): Promise<T> {
    if (closed) throw new Error("the reader is closed");
    client ??= createKafkaClient(connection, retry);
    const own = client;
    connected ??= connect(own);
    try {
      return await work(await connected);
    } catch (error) {
      const { name, message } = error as Error;
      if (name === "KafkaJSOffsetOutOfRange") throw new OutOfRangeError(message);
      await own.close();
      if (client === own) {
        client = undefined;
        connected = undefined;
      }
      throw error;
    }
  }

  async function offsetsOf(cluster: RawCluster, fromBeginning: boolean): Promise<number[]> {
    const offsets = new Array<number>(partitions).fill(0);
    const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions: all, fromBeginning }]);
    if (answer?.partitions.length !== partitions) throw new Error(`topic ${topic} is not whole`);
    for (const { partition, offset } of answer.partitions) offsets[partition] = Number(offset);
    return offsets;
  }

  return {
    leaders: () =>
      using(async (cluster) => {
        const numbers = all.map(({ partition }) => partition);
        return new Map(Object.entries(cluster.findLeaderForPartitions(topic, numbers)));
      }),
    fetch: (nodeId, positions, maxWaitTime) =>
      using(async (cluster) => {
        const broker = await cluster.findBroker({ nodeId });
        const { responses } = await broker.fetch({
          maxWaitTime,
          minBytes: 1,
          maxBytes: maxAnswerBytes,
          isolationLevel: readCommitted,
          topics: [
            {
              topic,
              partitions: positions.map(({ partition, offset, maxBytes }) => ({
                partition,
                fetchOffset: String(offset),
                maxBytes,
              })),
            },
          ],
        });
        return responses.flatMap((response) => response.partitions);
      }),
    offsets: () =>
      using(async (cluster) => {
        const ends = await offsetsOf(cluster, false);
        return { starts: await offsetsOf(cluster, true), ends };
      }),
    async close() {
      closed = true;
      await client?.close();
    },
  };
}
