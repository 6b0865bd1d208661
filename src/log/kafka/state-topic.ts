import { WeirError } from "../../domain/errors.ts";
import type { Stage } from "../../domain/health.ts";
import type { StartWait } from "../../domain/start-wait.ts";
import { whenAborted } from "../../domain/when-aborted.ts";
import { LogStartError } from "../log.ts";
import { withAdmin } from "./admin.ts";
import type { KafkaConnection } from "./client.ts";
import type { FetchedPartition } from "./fetch.ts";
import { currentOffsets } from "./fetcher.ts";
import { createLossLatch, LogLostError } from "./loss.ts";
import { createProducer } from "./producer.ts";
import { encodeHeaders } from "./record-batch.ts";
import { untilReached } from "./start.ts";
import { startTail, type Tail } from "./tail.ts";
import { usableStateTopic } from "./topics.ts";

export interface StateTopicOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** How long to wait for the cluster at the start, in milliseconds. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** Told while it waits for it. Default: nobody. */
  readonly wait?: StartWait;
  /** How long a write waits for brokers, in milliseconds. Default 10,000. */
  readonly writeTimeoutMs?: number;
  /** Writes that may wait; beyond it UNAVAILABLE. Default 1,000. */
  readonly maxWaiting?: number;
  /** Brokers that do not answer for longer make it unhealthy, in milliseconds. Default 5,000. */
  readonly stalledAfterMs?: number;
  /** Told once of records that were read and are gone. */
  readonly onLoss?: (loss: LogLostError) => void;
}

/** A topic of one partition whose keys have values that change. */
export interface KafkaStateTopic extends Stage {
  /**
   * Writes a value, or that there is none any more. Resolves with its offset once it is durable.
   *
   * @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE where it could not be written in time (outcome unknown)
   */
  publish(key: string, value: Uint8Array | undefined): Promise<number>;
  /**
   * Gives every record from the first on, in order, until it is closed; to be called once. Resolves once those that stood
   * there when the topic was opened were given.
   *
   * @throws LogStartError where they could not be read in time
   */
  follow(apply: (key: string, value: Uint8Array | undefined, offset: number) => void): Promise<void>;
  close(): Promise<void>;
}

/** @throws LogStartError where the cluster cannot be reached or its topic cannot be used */
export async function openStateTopic(options: StateTopicOptions): Promise<KafkaStateTopic> {
  const { connection, topic, writeTimeoutMs = 10_000, maxWaiting = 1000, stalledAfterMs = 5000 } = options;
  const startTimeoutMs = options.startTimeoutMs ?? 30_000;
  const reach = async (signal: AbortSignal) => {
    await withAdmin(connection, (admin) => usableStateTopic(admin, topic), signal);
    return currentOffsets(connection, topic, 1, signal);
  };
  const { starts, ends } = await untilReached(connection, startTimeoutMs, reach, options.wait);
  const producer = createProducer({ connection, topic });
  const latch = createLossLatch((loss) => options.onLoss?.(stateLost(loss)));
  let tail: Tail | undefined;
  let waiting = 0;
  let lastSend: Promise<unknown> = Promise.resolve();

  async function publish(key: string, value: Uint8Array | undefined): Promise<number> {
    if (latch.loss !== undefined) throw stateLost(latch.loss);
    if (waiting >= maxWaiting) throw unavailable(`${waiting} writes wait for brokers`);
    waiting++;
    const late = Promise.withResolvers<never>();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      late.reject(
        new Error(`no answer within ${writeTimeoutMs} ms: ${producer.trouble || "brokers are silent"}`),
      );
    }, writeTimeoutMs);
    const sent = lastSend.then(async () => {
      if (isLate) return -1;
      const record = {
        key: Buffer.from(key),
        value: value === undefined ? null : [value],
        headers: noHeaders,
      };
      return (await producer.send(new Map([[0, [record]]]))).get(0)!;
    });
    lastSend = sent.catch(() => {});
    try {
      return await Promise.race([sent, late.promise]);
    } catch (error) {
      throw unavailable((error as Error).message, error);
    } finally {
      clearTimeout(timer);
      waiting--;
    }
  }

  return {
    publish,
    async follow(apply) {
      const [position = 0] = starts;
      const [end = 0] = ends;
      const positions = [position];
      const caughtUp = Promise.withResolvers<void>();
      const onFetched = ({ records }: FetchedPartition) => {
        for (const { key, value, offset, batch } of records) {
          if (offset < positions[0]!) continue;
          positions[0] = offset + 1;
          if (!batch.isControl && key !== null) apply(key.toString(), value ?? undefined, offset);
        }
        if (positions[0]! >= end) caughtUp.resolve();
      };
      if (position >= end) caughtUp.resolve();
      const following = startTail({ connection, topic, latch, positions, onFetched });
      tail = following;
      const timer = setTimeout(() => {
        caughtUp.reject(new LogStartError(`topic ${topic} could not be read: ${following.trouble}`));
      }, startTimeoutMs);
      const giveUp = () => caughtUp.reject(options.wait?.signal.reason);
      const unsubscribe = whenAborted(options.wait?.signal, giveUp);
      try {
        await caughtUp.promise;
      } finally {
        clearTimeout(timer);
        unsubscribe();
      }
    },
    health() {
      if (latch.loss !== undefined)
        return { name: "state", status: "unhealthy", message: stateLost(latch.loss).message };
      const ms = tail?.troubleMs ?? 0;
      if (ms < stalledAfterMs) return { name: "state", status: "healthy", message: "" };
      const message = `the shared state could not be followed for ${Math.round(ms / 1000)} s: ${tail?.trouble}`;
      return { name: "state", status: "unhealthy", message };
    },
    stats: () => ({ waiting }),
    async close() {
      await Promise.all([producer.close(), tail?.close()]);
      await lastSend;
    },
  };
}

/** The records of the log are on another topic, and go on. */
function stateLost({ what }: LogLostError): LogLostError {
  return new LogLostError(
    what,
    "Keys, projects and settings stay as this process knew them: changes are neither taken nor followed any more, while " +
      "events are still taken and applied",
    'See "A weir.state that is lost" in docs/DISTRIBUTED.md before anything is started again',
  );
}

const noHeaders = encodeHeaders({});

function unavailable(why: string, cause?: unknown): WeirError {
  return new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", `the shared state cannot be written: ${why}`, {
    retryDelayMs: 1000,
    cause,
  });
}
