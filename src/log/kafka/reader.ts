import type { Admin } from "kafkajs";
import { WeirError } from "../../domain/errors.ts";
import { pause } from "../../domain/pause.ts";
import type { Block } from "../../domain/record/block.ts";
import type { LogReader } from "../log.ts";
import { withAdmin } from "./admin.ts";
import { createBlockCache } from "./block-cache.ts";
import { blocksOf } from "./blocks.ts";
import type { FetchedPartition } from "./fetch.ts";
import { createFetcher, currentOffsets, OutOfRangeError } from "./fetcher.ts";
import { createHeldBackNotes } from "./held-back.ts";
import { createLossLatch, LogLostError } from "./loss.ts";
import { createMarks, type Mark, markBefore } from "./mark.ts";
import type { KafkaLogOptions } from "./options.ts";
import { untilReached } from "./start.ts";
import { startTail } from "./tail.ts";
import { keptMsOf } from "./topic-check.ts";
import { usableEventTopic } from "./topics.ts";

export interface KafkaReaderOptions extends KafkaLogOptions {
  /** The newest blocks are kept, so that several who follow the log share one reading; bytes of them. Default 16 MiB. */
  readonly cacheBytes?: number;
  /** How long a read waits for brokers, in milliseconds. Default 10,000. */
  readonly readWaitMs?: number;
}

export interface KafkaReader extends LogReader {
  /** By which batch a place up to which was read lately is known again. */
  markAt(partition: number, end: number): Mark | undefined;
  /**
   * Records younger than this are still there, in milliseconds, as the topic was set when the reader was made: 0 where it
   * bounds bytes, Infinity where it keeps all.
   */
  readonly keptMs: number;
}

const retryPauseMs = 100;
const maxReadBytes = 16 * 1024 ** 2;

/**
 * The reading side of a log on Kafka, without a group: it reads where it is told to, and knows the ends by following the
 * topic. Records of transactions are read once they are committed, and what is behind one that is open once it has ended.
 *
 * @throws LogStartError where the cluster cannot be reached or its topic cannot be used
 */
export async function createKafkaReader(
  options: KafkaReaderOptions,
  latch = createLossLatch(options.onLoss),
): Promise<KafkaReader> {
  const { connection, topic, identity, partitions, readWaitMs = 10_000, stalledAfterMs = 5000 } = options;
  const { starts, ends, keptMs } = await untilReached(
    connection,
    options.startTimeoutMs ?? 30_000,
    async (signal) => {
      const check = (admin: Admin) => usableEventTopic(admin, topic, identity, partitions);
      const { settings } = await withAdmin(connection, check, signal);
      const offsets = await currentOffsets(connection, topic, partitions, signal);
      return { ...offsets, keptMs: keptMsOf(settings) };
    },
    options.wait,
  );
  const { topicId } = identity;
  const fetcher = createFetcher(connection, topic, partitions, topicId);
  const marks = createMarks(partitions);
  const cache = createBlockCache(partitions, options.cacheBytes ?? 16 * 1024 ** 2);
  const held = createHeldBackNotes();
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  let reads = 0;

  function onFetched(fetched: FetchedPartition): void {
    const { partition } = fetched;
    starts[partition] = Math.max(starts[partition]!, fetched.startOffset);
    held.note(fetched);
    const blocks = blocksOf(fetched, ends[partition]!, Number.POSITIVE_INFINITY);
    for (const block of blocks) {
      cache.add(block);
      ends[partition] = block.firstOffset + block.count;
    }
    if (blocks.length > 0) for (const listener of listeners) listener();
  }

  const tail = startTail({
    connection,
    topic,
    topicId,
    latch,
    positions: ends,
    onFetched,
    onMark: marks.add,
  });

  async function fetch(partition: number, offset: number, maxBytes: number): Promise<Block[]> {
    const leaders = await fetcher.leaders();
    const leader = [...leaders].find(([, led]) => led.includes(partition));
    if (leader === undefined) throw new Error(`partition ${partition} has no leader`);
    // What was before the first record kept is not there to be looked for.
    const after = offset > starts[partition]! ? marks.at(partition, offset) : undefined;
    const position = { partition, offset, maxBytes, after };
    const read = async () => {
      const [fetched] = await fetcher.fetch(leader[0], [position], 0);
      reads++;
      const records = fetched?.records ?? [];
      return { records, blocks: fetched ? blocksOf(fetched, offset, ends[partition]!) : [] };
    };
    let { records, blocks } = await read();
    // The batch before may have taken all the room.
    if (blocks.length === 0 && after !== undefined) ({ records, blocks } = await read());
    const last = blocks.at(-1);
    const mark = last && markBefore(records, last.firstOffset + last.count);
    if (mark !== undefined) marks.add(partition, mark);
    return blocks;
  }

  /** As fetch, from the first record kept where those before it have been removed. */
  async function fetchKept(partition: number, offset: number, maxBytes: number): Promise<Block[]> {
    try {
      return await fetch(partition, offset, maxBytes);
    } catch (error) {
      if (!(error instanceof OutOfRangeError)) throw error;
      const first = (await fetcher.offsets()).starts[partition]!;
      starts[partition] = Math.max(starts[partition]!, first);
      return first >= offset ? fetch(partition, first, maxBytes) : [];
    }
  }

  return {
    logId: identity.logId,
    partitions,
    markAt: marks.at,
    keptMs,
    starts: () => starts.slice(),
    ends: () => ends.slice(),
    heldBack: held.all,
    async read(partition, offset, maxBytes) {
      if (ends[partition] === undefined) throw new RangeError(`there is no partition ${partition}`);
      if (!(offset < ends[partition])) return [];
      const from = Math.max(0, offset);
      const atLeastOne = Math.min(maxReadBytes, Math.max(1, Math.floor(maxBytes)));
      latch.check();
      const cached = cache.read(partition, from, atLeastOne);
      if (cached.length > 0) return cached;
      for (const deadline = performance.now() + readWaitMs; ; ) {
        try {
          return await fetchKept(partition, from, atLeastOne);
        } catch (error) {
          if (error instanceof LogLostError) throw latch.lost(error);
          if (performance.now() >= deadline || closing.signal.aborted) throw unreadable(error);
          await pause(retryPauseMs, closing.signal);
        }
      }
    },
    onAppend(listener) {
      const own = () => listener();
      listeners.add(own);
      return () => listeners.delete(own);
    },
    health() {
      if (latch.loss !== undefined) return { name: "log", status: "unhealthy", message: latch.loss.message };
      if (tail.troubleMs < stalledAfterMs) {
        const message = held.trouble(stalledAfterMs);
        return { name: "log", status: message === "" ? "healthy" : "degraded", message };
      }
      const seconds = Math.round(tail.troubleMs / 1000);
      const message = `the log could not be read for ${seconds} s: ${tail.trouble}`;
      return { name: "log", status: "unhealthy", message };
    },
    stats: () => ({
      partitions,
      starts: starts.slice(),
      ends: ends.slice(),
      reads,
      cachedBytes: cache.bytes,
    }),
    async close() {
      closing.abort();
      await Promise.all([fetcher.close(), tail.close()]);
    },
  };
}

function unreadable(cause: unknown): WeirError {
  return new WeirError(
    "UNAVAILABLE",
    "LOG_UNAVAILABLE",
    `the log cannot be read: ${(cause as Error).message}`,
    {
      retryDelayMs: 1000,
      cause,
    },
  );
}
