/**
 * The one way to send with kafkajs 2 that loses nothing: an idempotent producer with exactly one sendBatch under way,
 * repeated without end by kafkajs itself. A send that failed for good has rolled its sequence numbers back, and the broker
 * would acknowledge another one in its place as a duplicate: so its producer is never used again.
 *
 * It doubles nothing either, but for one case: where a partition moves in the middle of a send from a broker that has
 * answered to one that has not, kafkajs sends it again as something new. The consumer knows such copies by their ids.
 */
import kafkajs, { type Message, type Producer, type RetryOptions } from "kafkajs";
import { createKafkaClient, type KafkaClient, type KafkaConnection } from "./client.ts";

export interface SenderOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** Default none. */
  readonly compression?: "none" | "gzip";
}

export interface Sender {
  /** What the connection last complained of; empty if it never did. */
  readonly trouble: string;
  /** Makes a producer if there is none: waits for a broker as long as it takes. @throws what a broker refuses it for */
  connect(): Promise<void>;
  /**
   * Sends messages, each to its partition; resolves with the offset of the first one of each partition once all replicas
   * in sync have all of them. Waits for a broker as long as it takes. One at a time.
   *
   * @throws what kafkajs takes for hopeless, or the end by close(); the outcome is then unknown
   */
  send(messages: readonly Message[]): Promise<Map<number, number>>;
  /** Ends what is under way, which then rejects, and resolves when nothing is left of it. */
  close(): Promise<void>;
}

/** So that sends go on soon after a broker is back. */
const unending: RetryOptions = {
  retries: Number.MAX_SAFE_INTEGER,
  initialRetryTime: 100,
  maxRetryTime: 1000,
};

export function createSender({ connection, topic, compression = "none" }: SenderOptions): Sender {
  let client: KafkaClient | undefined;
  let producer: Producer | undefined;
  let closed = false;
  let trouble = "";
  let underWay: Promise<unknown> | undefined;

  async function discard(): Promise<void> {
    const gone = client;
    trouble = gone?.trouble || trouble;
    client = undefined;
    producer = undefined;
    await gone?.close();
  }

  async function connected(): Promise<Producer> {
    if (closed) throw new Error("the sender is closed");
    if (producer !== undefined) return producer;
    const own = createKafkaClient(connection, unending);
    client = own;
    const made = own.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition!,
    });
    // A broker that does not answer may be gone without a word, and with it the leader that kafkajs knows. Whatever it has
    // written nevertheless it recognises by the sequence numbers.
    made.on(made.events.REQUEST_TIMEOUT, () => own.dropConnections("a broker did not answer in time"));
    await made.connect();
    producer = made;
    return made;
  }

  async function sendAll(messages: readonly Message[]): Promise<Map<number, number>> {
    const firstOffsets = new Map<number, number>();
    let missing: readonly Message[] = messages;
    while (missing.length > 0) {
      const using = await connected();
      const answers = await using.sendBatch({
        acks: -1,
        compression: kafkajs.CompressionTypes[compression === "gzip" ? "GZIP" : "None"],
        topicMessages: [{ topic, messages: missing as Message[] }],
      });
      const known = firstOffsets.size;
      // There is none of a broker that lost a partition to another one meanwhile, and the other one was not asked: kafkajs
      // takes it for done. Sent again alone, with the same sequence numbers, it cannot be doubled.
      for (const answer of answers.filter(Boolean)) {
        firstOffsets.set(answer.partition, Number(answer.baseOffset));
      }
      missing = messages.filter(({ partition }) => !firstOffsets.has(partition!));
      if (firstOffsets.size === known) throw new Error("a send was answered without an offset");
    }
    return firstOffsets;
  }

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    if (underWay !== undefined) throw new Error("one send at a time");
    const doing = work();
    underWay = doing;
    try {
      return await doing;
    } catch (error) {
      await discard();
      throw error;
    } finally {
      underWay = undefined;
    }
  }

  return {
    get trouble() {
      return client?.trouble || trouble;
    },
    connect: () =>
      alone(async () => {
        await connected();
      }),
    send: (messages) => alone(() => sendAll(messages)),
    async close() {
      closed = true;
      const doing = underWay;
      await discard();
      await doing?.catch(() => {});
    },
  };
}
