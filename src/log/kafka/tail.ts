/** Follows a topic: waits at each of its leaders for what is new. */
import { pause } from "../../domain/pause.ts";
import type { KafkaConnection } from "./client.ts";
import { endsBefore } from "./confirm.ts";
import type { FetchedPartition } from "./fetch.ts";
import { createFetcher, type Offsets, OutOfRangeError } from "./fetcher.ts";
import { LogLostError, type LossLatch, RecordsMissingError } from "./loss.ts";
import { type Mark, markBefore } from "./mark.ts";

export interface TailOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** As of SessionOptions. */
  readonly topicId?: string | undefined;
  /** Told of records that were read and are gone, and then nothing more is read. */
  readonly latch: LossLatch;
  /** Offset of the next record of each partition; whoever is given records moves it on. */
  readonly positions: number[];
  /** Given what is new of a partition, in order; also where nothing is. */
  readonly onFetched: (fetched: FetchedPartition) => void;
  /** Told of the place that a partition is read up to. Default: nobody is. */
  readonly onMark?: (partition: number, mark: Mark) => void;
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

export function startTail(options: TailOptions): Tail {
  const { connection, topic, topicId, latch, positions, onFetched, onMark = () => {} } = options;
  const end = new AbortController();
  /** Of each position; absent where nothing before it has been seen yet. */
  const marks: (Mark | undefined)[] = [];
  /** Offset of the first record of each partition, as last told. */
  const starts: number[] = [];
  let trouble = "";
  let lastAnswer = performance.now();

  /** What the record before a position is known by; undefined where retention has removed it. */
  function lastRead(partition: number): Mark | "unknown" | undefined {
    const [position, mark] = [positions[partition]!, marks[partition]];
    if (position <= (starts[partition] ?? 0)) return undefined;
    return mark?.end === position ? mark : "unknown";
  }

  function take(fetched: FetchedPartition): void {
    const { partition, records, startOffset } = fetched;
    onFetched(fetched);
    starts[partition] = startOffset;
    const mark = markBefore(records, positions[partition]!);
    if (mark === undefined) return;
    marks[partition] = mark;
    onMark(partition, mark);
  }

  /** Until something fails, which ends it for all leaders. */
  async function follow(onProgress: () => void): Promise<void> {
    const fetcher = createFetcher(connection, topic, positions.length, topicId);
    const stop = () => void fetcher.close();
    end.signal.addEventListener("abort", stop);

    async function followLeader(broker: string, partitions: readonly number[]): Promise<void> {
      while (!end.signal.aborted) {
        latch.check();
        const from = partitions.map((partition) => ({
          partition,
          offset: positions[partition]!,
          maxBytes: partitionBytes,
          after: lastRead(partition),
        }));
        const asked = performance.now();
        const fetched = await fetcher.fetch(broker, from, maxWaitMs);
        for (const one of fetched) take(one);
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
      starts[partition] = offsets.starts[partition]!;
      positions[partition] = Math.max(position, offsets.starts[partition]!);
      const logEnd = offsets.ends[partition]!;
      if (logEnd < position) throw new RecordsMissingError(endsBefore(topic, partition, logEnd, position));
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
        if (error instanceof LogLostError) {
          latch.lost(error);
          return;
        }
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
