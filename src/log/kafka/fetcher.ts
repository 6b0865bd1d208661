/** Reads a topic at given offsets. */
import { whenAborted } from "../../domain/when-aborted.ts";
import type { KafkaConnection } from "./client.ts";
import { type FetchedPartition, fetch, type FetchPosition as Position } from "./fetch.ts";
import type { RawCluster } from "./internals.ts";
import { RecordsMissingError, tailLost } from "./loss.ts";
import { isSameBatch, type Mark, markBefore } from "./mark.ts";
import { createSession, leadersOf } from "./session.ts";

export interface FetchPosition extends Position {
  /**
   * The record before the offset was read, as this mark of the offset says, or unknown of which batch. By every new
   * connection it is then fetched once more, and answered too. Default: it is not looked for.
   */
  readonly after?: Mark | "unknown" | undefined;
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
   * @throws OutOfRangeError where a position lies before the first record or behind the last; LogLostError where another
   *   batch stands before one than did; RecordsMissingError where none does now
   */
  fetch(
    broker: string,
    positions: readonly FetchPosition[],
    maxWaitMs: number,
  ): Promise<readonly FetchedPartition[]>;
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

/** Offsets as of now, by a connection of its own, which ends when `signal` is aborted. */
export async function currentOffsets(
  connection: KafkaConnection,
  topic: string,
  partitions: number,
  signal: AbortSignal,
): Promise<Offsets> {
  const fetcher = createFetcher(connection, topic, partitions);
  const end = () => void fetcher.close();
  const unsubscribe = whenAborted(signal, end);
  try {
    return await fetcher.offsets();
  } finally {
    unsubscribe();
    await fetcher.close();
  }
}

/**
 * @param partitions how many the topic has
 * @param topicId as of SessionOptions
 */
export function createFetcher(
  connection: KafkaConnection,
  topic: string,
  partitions: number,
  topicId?: string,
): Fetcher {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const isHarmless = (error: unknown) => error instanceof OutOfRangeError;
  const session = createSession({ connection, topic, topicId, isHarmless });
  /** Partitions whose record before the offset was seen since this many connections. */
  let seen = { connects: 0, partitions: new Set<number>() };

  async function offsetsOf(cluster: RawCluster, fromBeginning: boolean): Promise<number[]> {
    const offsets = new Array<number>(partitions).fill(0);
    const asked = all.map((partition) => ({ partition }));
    const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions: asked, fromBeginning }]);
    if (answer?.partitions.length !== partitions) throw new Error(`topic ${topic} is not whole`);
    for (const { partition, offset } of answer.partitions) offsets[partition] = Number(offset);
    return offsets;
  }

  function seenNow(): Set<number> {
    const { connects } = session;
    if (seen.connects !== connects) seen = { connects, partitions: new Set() };
    return seen.partitions;
  }

  async function fetchFrom(
    cluster: RawCluster,
    nodeId: string,
    positions: readonly FetchPosition[],
    maxWaitMs: number,
  ): Promise<readonly FetchedPartition[]> {
    for (;;) {
      const before = seenNow();
      const looked = new Map(
        positions
          .filter(
            ({ partition, offset, after }) => after !== undefined && offset > 0 && !before.has(partition),
          )
          .map((position) => [position.partition, position]),
      );
      const asked = positions.map((position) =>
        looked.has(position.partition) ? { ...position, offset: position.offset - 1 } : position,
      );
      const answer = await request(cluster, nodeId, asked, maxWaitMs);
      const now = seenNow();
      // By another connection than the records before were seen by.
      if (now !== before && positions.some(({ partition, after }) => after && !looked.has(partition)))
        continue;
      for (const one of answer) {
        const position = looked.get(one.partition);
        if (position !== undefined && isSeen(one, position)) now.add(one.partition);
      }
      return answer;
    }
  }

  /** Whether the answer shows what is before the offset; not where it had no room for it. */
  function isSeen({ partition, records, stableOffset }: FetchedPartition, position: FetchPosition): boolean {
    const { offset, after } = position;
    const found = markBefore(records, offset);
    if (found !== undefined) {
      if (after !== "unknown" && !isSameBatch(found, after!)) throw tailLost(topic, partition, offset);
      return true;
    }
    // The record itself is gone, as by compaction.
    if (records.length > 0) return true;
    if (stableOffset >= offset) return false;
    throw new RecordsMissingError(
      `partition ${partition} of topic ${topic} was read up to offset ${offset}, and has nothing there now`,
    );
  }

  async function request(
    cluster: RawCluster,
    nodeId: string,
    positions: readonly FetchPosition[],
    maxWaitMs: number,
  ): Promise<readonly FetchedPartition[]> {
    const broker = await cluster.findBroker({ nodeId });
    try {
      return await fetch(broker, topic, positions, { maxWaitMs, maxBytes: maxAnswerBytes });
    } catch (error) {
      const { type, message } = error as Error & { readonly type?: string };
      throw type === "OFFSET_OUT_OF_RANGE" ? new OutOfRangeError(message) : error;
    }
  }

  return {
    leaders: () => session.using(async (cluster) => leadersOf(cluster, topic, all)),
    fetch: (broker, positions, maxWaitMs) =>
      session.using((cluster) => fetchFrom(cluster, broker, positions, maxWaitMs)),
    offsets: () =>
      session.using(async (cluster) => {
        const ends = await offsetsOf(cluster, false);
        return { starts: await offsetsOf(cluster, true), ends };
      }),
    close: session.close,
  };
}
