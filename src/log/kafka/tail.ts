/** Follows a topic: waits at each of its leaders for what is new. */
import { pause } from "../../domain/pause.ts";
import type { KafkaConnection } from "./client.ts";
import { createFetcher, type Offsets, OutOfRangeError } from "./fetcher.ts";
import type { RawPartition } from "./internals.ts";

export interface TailOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** Offset of the next record of each partition; whoever is given records moves it on. */
  readonly positions: number[];
  /** Given what is new of a partition, in order; also where nothing is. */
  readonly onFetched: (fetched: RawPartition) => void;
}

export interface Tail {
  /** Why it cannot follow now; empty where it can. */
  readonly trouble: string;
  /** How long it has not been able to, in milliseconds. */
  readonly troubleMs: number;
  /** Resolves when nothing is left of it. */
  close(): Promise<void>;
}

/** How long a broker that has nothing new waits with its answer. */
const maxWaitMs = 500;
/** Least time between two requests, so that a broker under load need not answer for every few records. */
const leastIntervalMs = 10;
/** About how much is taken at once of one partition. */
const partitionBytes = 1024 ** 2;
/** Pauses after failures, in milliseconds. */
const pauses = { least: 50, most: 1000 };

export function startTail({ connection, topic, positions, onFetched }: TailOptions): Tail {
  const end = new AbortController();
  let trouble = "";
  let lastAnswer = performance.now();

  /** Until something fails, which ends it for all leaders. */
  async function follow(onProgress: () => void): Promise<void> {
    const fetcher = createFetcher(connection, topic, positions.length);
    const stop = () => void fetcher.close();
    end.signal.addEventListener("abort", stop);

    async function followLeader(broker: string, partitions: readonly number[]): Promise<void> {
      while (!end.signal.aborted) {
        const from = partitions.map((partition) => ({
          partition,
          offset: positions[partition]!,
          maxBytes: partitionBytes,
        }));
        const asked = performance.now();
        const fetched = await fetcher.fetch(broker, from, maxWaitMs);
        for (const one of fetched) onFetched(one);
        trouble = "";
        lastAnswer = performance.now();
        onProgress();
        const restMs = leastIntervalMs - (performance.now() - asked);
        if (restMs > 0) await pause(restMs, end.signal);
      }
    }

    let following: readonly Promise<void>[] = [];
    try {
      const leaders = await fetcher.leaders();
      following = [...leaders].map(([broker, partitions]) => followLeader(broker, partitions));
      await Promise.all(following);
    } catch (error) {
      if (!(error instanceof OutOfRangeError)) throw error;
      skip(await fetcher.offsets());
    } finally {
      end.signal.removeEventListener("abort", stop);
      await fetcher.close();
      await Promise.allSettled(following);
    }
  }

  /** Goes on where the first records kept are, of partitions whose next ones were removed unread. */
  function skip(offsets: Offsets): void {
    for (const [partition, position] of positions.entries()) {
      positions[partition] = Math.max(position, offsets.starts[partition]!);
      if (position <= offsets.ends[partition]!) continue;
      throw new Error(
        `partition ${partition} of topic ${topic} ends at offset ${offsets.ends[partition]}, but was read up to ` +
          `${position}: its tail is lost`,
      );
    }
  }

  async function run(): Promise<void> {
    let wait = pauses.least;
    while (!end.signal.aborted) {
      try {
        await follow(() => {
          wait = pauses.least;
        });
      } catch (error) {
        if (end.signal.aborted) return;
        trouble = (error as Error).message;
        await pause(wait, end.signal);
        wait = Math.min(pauses.most, 2 * wait);
      }
    }
  }

  const running = run();
  return {
    get trouble() {
      return trouble;
    },
    get troubleMs() {
      return trouble === "" ? 0 : performance.now() - lastAnswer;
    },
    async close() {
      end.abort();
      await running;
    },
  };
}
