/**
 * An idempotent producer. A batch is sent again, with the very same sequence number, until the leader of its partition has
 * answered, by however many connections and whoever leads it by then; only then comes the partition's next batch. So the
 * broker knows each copy for what it is: nothing that was acknowledged is lost, and nothing is doubled.
 *
 * kafkajs' own producer keeps to that only as long as one sendBatch is under way, none has ever failed, and no partition
 * moves meanwhile from one broker to another: over three brokers of which one is killed, it doubles records.
 */
import { pause } from "../../domain/pause.ts";
import type { Acknowledged } from "./acknowledged.ts";
import type { KafkaConnection } from "./client.ts";
import { errorOf, type RawCluster } from "./internals.ts";
import { LogLostError } from "./loss.ts";
import { type Produced, produce } from "./produce.ts";
import { type BatchRecord, encodeBatch } from "./record-batch.ts";
import { createSession, leadersOf } from "./session.ts";

export interface ProducerOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** As of SessionOptions. */
  readonly topicId?: string | undefined;
  /** What must still be there with whatever comes after it. Default: nobody looks. */
  readonly acknowledged?: Acknowledged;
  /** Default none. */
  readonly compression?: "none" | "gzip";
  /** Sequence number of the first record to each partition, below 2^31. Default 0. */
  readonly firstSequence?: number;
}

export interface Producer {
  /** Why the last attempt failed; empty once one has succeeded since. */
  readonly trouble: string;
  /** Gets a producer id if there is none: waits for a broker as long as it takes. @throws what a broker refuses it for */
  connect(): Promise<void>;
  /**
   * Sends records to partitions; resolves with the offset of the first one of each partition once all replicas in sync
   * have all of them. Waits for brokers as long as it takes. One at a time.
   *
   * @throws what cannot be mended by trying again, such as LogLostError, or the end by close(); the outcome is then unknown
   */
  send(records: ReadonlyMap<number, readonly BatchRecord[]>): Promise<ReadonlyMap<number, number>>;
  /** Ends what is under way, which then rejects, and resolves when nothing is left of it. */
  close(): Promise<void>;
}

/** Pauses after failures, in milliseconds; so that sends go on soon after a broker is back. */
const pauses = { least: 50, most: 1000 };
/** Sequence numbers begin again behind this one. */
const maxSequence = 2 ** 31;

export function createProducer(options: ProducerOptions): Producer {
  const { connection, topic, topicId, acknowledged, compression = "none", firstSequence = 0 } = options;
  const session = createSession({ connection, topic, topicId });
  const end = new AbortController();
  let identity: { readonly producerId: string; readonly producerEpoch: number } | undefined;
  /** Of the next record to each partition. */
  let sequences = new Map<number, number>();
  let trouble = "";
  let underWay: Promise<unknown> | undefined;

  /** Does it again until it succeeds, or is hopeless, or the end has come. */
  async function untilDone<T>(attempt: () => Promise<T>): Promise<T> {
    for (let wait = pauses.least; ; wait = Math.min(pauses.most, 2 * wait)) {
      try {
        const result = await attempt();
        trouble = "";
        return result;
      } catch (error) {
        if (end.signal.aborted || isHopeless(error)) throw error;
        trouble = (error as Error).message;
        await pause(wait, end.signal);
      }
    }
  }

  async function identify(): Promise<NonNullable<typeof identity>> {
    identity ??= await session.using(async (cluster) => {
      const broker = await cluster.findControllerBroker();
      return broker.initProducerId({ transactionTimeout: 0 });
    });
    return identity;
  }

  /** What the leaders say of those that they could be asked for. */
  async function ask(cluster: RawCluster, batches: ReadonlyMap<number, Uint8Array>): Promise<Produced[]> {
    const leaders = leadersOf(cluster, topic, [...batches.keys()]);
    // Connected first: what comes before the batches is looked for by no older connection than they are sent by.
    await Promise.allSettled([...leaders.keys()].map((nodeId) => cluster.findBroker({ nodeId })));
    await acknowledged?.confirm(session.connects, end.signal);
    const timeoutMs = connection.requestTimeoutMs ?? 10_000;
    const asked = await Promise.allSettled(
      [...leaders].map(async ([nodeId, led]) => {
        const broker = await cluster.findBroker({ nodeId });
        return produce(broker, topic, new Map(led.map((p) => [p, batches.get(p)!])), timeoutMs);
      }),
    );
    const failed = asked.find((outcome) => outcome.status === "rejected");
    const answers = asked.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
    if (failed !== undefined && answers.length === 0) throw failed.reason;
    return answers;
  }

  async function sendAll(records: ReadonlyMap<number, readonly BatchRecord[]>): Promise<Map<number, number>> {
    const own = await untilDone(identify);
    const waiting = new Map<number, Uint8Array>();
    for (const [partition, ones] of records) {
      const baseSequence = sequences.get(partition) ?? firstSequence;
      waiting.set(
        partition,
        await encodeBatch(ones, { ...own, baseSequence, timestampMs: Date.now(), compression }),
      );
    }
    const taken = new Map<number, Produced>();
    const floors = acknowledged?.floors() ?? [];
    await untilDone(() =>
      session.using(async (cluster) => {
        let failure = 0;
        for (const produced of await ask(cluster, waiting)) {
          if (produced.errorCode !== 0) failure = produced.errorCode;
          else if (waiting.delete(produced.partition)) taken.set(produced.partition, produced);
        }
        if (failure !== 0) throw errorOf(failure);
        if (waiting.size > 0) throw new Error("a broker did not answer for all partitions");
        // By a connection that was made meanwhile, it may have been put behind a log that has lost what came before.
        await acknowledged?.confirm(session.connects, end.signal);
      }),
    );
    const offsets = new Map<number, number>();
    for (const [partition, { length }] of records) {
      const { baseOffset: firstOffset, appendedMs: timeMs } = taken.get(partition)!;
      const sequence = sequences.get(partition) ?? firstSequence;
      const mark = { end: firstOffset + length, firstOffset, producerId: own.producerId, sequence, timeMs };
      acknowledged?.add(partition, mark, floors);
      offsets.set(partition, firstOffset);
      sequences.set(partition, (sequence + length) % maxSequence);
    }
    return offsets;
  }

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    if (underWay !== undefined) throw new Error("one send at a time");
    const doing = work();
    underWay = doing;
    try {
      return await doing;
    } catch (error) {
      // What became of the batches, nobody knows: with a new id, no other can be taken for one of them.
      identity = undefined;
      sequences = new Map();
      throw error;
    } finally {
      underWay = undefined;
    }
  }

  return {
    get trouble() {
      return trouble;
    },
    connect: () =>
      alone(async () => {
        await untilDone(identify);
      }),
    send: (records) => alone(() => sendAll(records)),
    async close() {
      end.abort();
      const doing = underWay;
      await session.close();
      await doing?.catch(() => {});
    },
  };
}

/** Whether trying again cannot mend it. */
function isHopeless(error: unknown): boolean {
  if (error instanceof LogLostError) return true;
  const { name, retriable, cause } = error as { name?: string; retriable?: boolean; cause?: unknown };
  // One attempt is all that kafkajs makes here; what matters is why it failed.
  if (name === "KafkaJSNumberOfRetriesExceeded" && cause instanceof Error) return isHopeless(cause);
  return retriable === false || error instanceof TypeError || error instanceof RangeError;
}
