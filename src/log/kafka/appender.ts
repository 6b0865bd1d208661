import { randomBytes } from "node:crypto";
import type { Admin } from "kafkajs";
import { WeirError } from "../../domain/errors.ts";
import { createIdHasher } from "../../domain/ids.ts";
import { describeIdentity } from "../../domain/record/dead-letter.ts";
import { whenAborted } from "../../domain/when-aborted.ts";
import { createWriter, type Flush, type WriteFailure } from "../commit/writer.ts";
import type { LogAppender, LogRecord } from "../log.ts";
import { createAcknowledged } from "./acknowledged.ts";
import { withAdmin } from "./admin.ts";
import type { Applied } from "./applied.ts";
import { createKafkaGroup, type KafkaGroup } from "./group.ts";
import { createLossLatch, LogLostError } from "./loss.ts";
import type { KafkaLogOptions } from "./options.ts";
import { createPlacement } from "./placement.ts";
import { createProducer } from "./producer.ts";
import { createRecentIds } from "./recent-ids.ts";
import { createRecordEncoder, mostBytes } from "./record-message.ts";
import { untilReached } from "./start.ts";
import { maxRecordBytes } from "./topic-check.ts";
import { usableEventTopic } from "./topics.ts";

export interface KafkaAppenderOptions extends KafkaLogOptions {
  /** Default none. */
  readonly compression?: "none" | "gzip";
  /** Ids acknowledged lately that are remembered to answer repetitions at once. Default 200,000, 18 MB. */
  readonly maxRecentIds?: number;
  /** Milliseconds since its received time after which an id is taken for a new one. Default Infinity. */
  readonly dedupWindowMs?: number;
  /** Most records that wait for the brokers; beyond it QUEUE_FULL. Default 100,000. */
  readonly maxQueueEvents?: number;
  /** Most bytes of them. Default 64 MiB. */
  readonly maxQueueBytes?: number;
  /** A send takes at most this many records, default 4,096 … */
  readonly maxGroupEvents?: number;
  /** … and ends with the record that reaches this size, default 4 MiB, or half of the topic's max.message.bytes. */
  readonly maxGroupBytes?: number;
  /** How long close() waits for the brokers to take what is queued, in milliseconds. Default 10,000. */
  readonly closeTimeoutMs?: number;
  /** What is committed of each partition, by whichever process. Default: it is not known. */
  readonly applied?: Pick<Applied, "commits" | "onApplied">;
  /** Aborted where close() waits no longer. Default: never. */
  readonly givenUp?: AbortSignal;
  /** Milliseconds since 1970. Default Date.now. */
  readonly now?: () => number;
  /** Called after each send, for metrics. */
  readonly onFlush?: (flush: Flush) => void;
  /** Called after each send that failed for good. */
  readonly onWriteFailure?: (failure: WriteFailure) => void;
}

export interface KafkaAppender extends LogAppender {
  forgetIds(receivedBeforeMs: number): Promise<number>;
}

const mib = 1024 ** 2;

/**
 * The appending side of a log on Kafka. What is acknowledged is on all replicas in sync. While brokers are away, appends
 * wait, as long as the queue has room; how long a caller waits is its own affair.
 *
 * A duplicate is found among the records that wait and those acknowledged lately; others are the consumer's to find.
 *
 * @throws LogStartError where the cluster cannot be reached or its topic cannot be used
 */
export async function createKafkaAppender(
  options: KafkaAppenderOptions,
  latch = createLossLatch(options.onLoss),
): Promise<KafkaAppender> {
  const { connection, topic, identity, partitions, stalledAfterMs = 5000, closeTimeoutMs = 10_000 } = options;
  const place = { connection, topic, partitions, topicId: identity.topicId };
  const producer = createProducer({
    ...place,
    acknowledged: createAcknowledged(place, options.applied),
    ...(options.compression ? { compression: options.compression } : {}),
  });
  let maxMessageBytes = 0;

  async function prepare(signal: AbortSignal): Promise<void> {
    latch.check();
    const end = () => void producer.close();
    const unsubscribe = whenAborted(signal, end);
    try {
      const check = (admin: Admin) => usableEventTopic(admin, topic, identity, partitions);
      const { settings } = await withAdmin(connection, check, signal);
      maxMessageBytes = Number(settings.get("max.message.bytes"));
      await producer.connect();
    } finally {
      unsubscribe();
    }
  }

  await untilReached(connection, options.startTimeoutMs ?? 30_000, prepare, options.wait);

  async function write(group: KafkaGroup): Promise<void> {
    latch.check();
    try {
      const offsets = await producer.send(group.records);
      // The reading side may have seen meanwhile what the sending one cannot.
      latch.check();
      group.acknowledge(offsets);
    } catch (error) {
      throw error instanceof LogLostError ? latch.lost(error) : error;
    }
  }

  const recent = createRecentIds(options.maxRecentIds ?? 200_000);
  const groupOptions = {
    maxGroupEvents: options.maxGroupEvents ?? 4096,
    maxGroupBytes: options.maxGroupBytes ?? 4 * mib,
    maxPartitionBytes: () => maxMessageBytes - maxRecordBytes - batchOverheadBytes,
    encode: createRecordEncoder(),
    recent,
  };
  const writer = createWriter({
    maxQueueEvents: options.maxQueueEvents ?? 100_000,
    maxQueueBytes: options.maxQueueBytes ?? 64 * mib,
    newGroup: () => createKafkaGroup(groupOptions),
    place: createPlacement({
      partitions,
      recent,
      hashId: createIdHasher(randomBytes(16)),
      dedupWindowMs: options.dedupWindowMs ?? Number.POSITIVE_INFINITY,
      now: options.now ?? Date.now,
    }),
    write,
    recover: prepare,
    onFlush: options.onFlush ?? (() => {}),
    onWriteFailure: options.onWriteFailure ?? (() => {}),
    onAppend: () => {},
  });

  const isStalled = () => writer.stats().inFlightMs >= stalledAfterMs;

  return {
    logId: identity.logId,
    partitions,
    async append(records, appendOptions) {
      latch.check();
      checkSizes(records);
      return writer.append(records, appendOptions);
    },
    enqueue(records) {
      latch.check();
      checkSizes(records);
      writer.enqueue(records);
    },
    getsThrough: () => writer.failure === undefined && producer.trouble === "" && !isStalled(),
    forgetIds: async (receivedBeforeMs) => recent.forget(receivedBeforeMs),
    health() {
      if (latch.loss !== undefined) return unhealthy(latch.loss.message);
      if (writer.failure !== undefined) return unhealthy(writer.failure.message);
      if (!isStalled()) return { name: "log", status: "healthy", message: "" };
      const seconds = Math.round(writer.stats().inFlightMs / 1000);
      return unhealthy(`brokers have not acknowledged for ${seconds} s: ${producer.trouble || "no answer"}`);
    },
    stats: () => ({ ...writer.stats(), recentIds: recent.size, partitions }),
    async close() {
      const closed = writer.close();
      const giveUp = () => void producer.close();
      const timer = setTimeout(giveUp, closeTimeoutMs);
      const unsubscribe = whenAborted(options.givenUp, giveUp);
      await closed;
      clearTimeout(timer);
      unsubscribe();
      await producer.close();
    },
  };
}

const unhealthy = (message: string) => ({ name: "log", status: "unhealthy", message }) as const;

/** Of Kafka's format, for each batch. */
const batchOverheadBytes = 1024;

function checkSizes(records: readonly LogRecord[]): void {
  for (const record of records) {
    const bytes = mostBytes(record);
    if (bytes <= maxRecordBytes) continue;
    throw new WeirError(
      "INVALID_ARGUMENT",
      "INVALID_EVENT",
      `the record of ${describeIdentity(record.id)} takes ${bytes} bytes, the log takes at most ${maxRecordBytes}`,
    );
  }
}
