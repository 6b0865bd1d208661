/** The topic to which dead letters are mirrored for others to read; docs/DISTRIBUTED.md has its format. */
import { WeirError } from "../../domain/errors.ts";
import { type DeadLetter, deadLetterId } from "../../domain/record/dead-letter.ts";
import { decodeRecord } from "../../domain/record/record.ts";
import { whenAborted } from "../../domain/when-aborted.ts";
import type { KafkaConnection } from "./client.ts";
import { createProducer, type Producer } from "./producer.ts";
import { type BatchRecord, encodeHeaders, recordBytes } from "./record-batch.ts";

export interface DeadLetterTopicOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** How long brokers may take to acknowledge the dead letters of one call, in milliseconds. Default 10,000. */
  readonly writeTimeoutMs?: number;
  /** Aborted where what is under way is given up, as a crash would. Default: never. */
  readonly givenUp?: AbortSignal;
}

export interface DeadLetterTopic {
  /**
   * Resolves once all replicas in sync have them. Those of a call that failed may be there already, and again if they are
   * published again. One call at a time; others wait for it.
   *
   * @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE where brokers have not acknowledged them in time
   */
  publish(deadLetters: readonly DeadLetter[]): Promise<void>;
  /** Ends what is under way, which then rejects, and all that waits. */
  close(): Promise<void>;
}

/** A larger record is mirrored without its bytes: it need not fit into a batch, whatever it was compressed to. */
export const maxMirroredBytes = 1024 ** 2;
/** About the most that is sent at once to one partition; the topic takes a batch with one record more. */
const batchBytes = 512 * 1024;
/** Longest text of a record that is repeated in a header, in UTF-16 units; no valid one is as long. */
const maxRepeated = 256;

/** Connects with the first dead letters. */
export function openDeadLetterTopic(options: DeadLetterTopicOptions): DeadLetterTopic {
  const { connection, topic, writeTimeoutMs = 10_000 } = options;
  let producer: Producer | undefined;
  let last: Promise<void> = Promise.resolve();
  let closed = false;
  const unsubscribe = whenAborted(options.givenUp, end);

  function end(): void {
    closed = true;
    void producer?.close();
  }

  async function send(deadLetters: readonly DeadLetter[]): Promise<void> {
    if (closed) throw unavailable(topic, "it is closed");
    producer ??= createProducer({ connection, topic });
    const own = producer;
    const timer = setTimeout(() => void own.close(), writeTimeoutMs);
    try {
      for (const batches of cut(deadLetters)) await own.send(batches);
    } catch (error) {
      // What was given up may be under way still: with another producer it is nobody's next batch.
      producer = undefined;
      await own.close();
      throw unavailable(topic, own.trouble || (error as Error).message, error);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    publish(deadLetters) {
      const done = last.then(() => send(deadLetters));
      last = done.catch(() => {});
      return done;
    },
    async close() {
      unsubscribe();
      end();
      await producer?.close();
      await last;
    },
  };
}

/** Sends of at most about batchBytes to each partition, in order. */
function* cut(deadLetters: readonly DeadLetter[]): Generator<Map<number, BatchRecord[]>> {
  let batches = new Map<number, BatchRecord[]>();
  let bytes = 0;
  for (const letter of deadLetters) {
    const record = encode(letter);
    const batch = batches.get(letter.partition) ?? [];
    batches.set(letter.partition, batch);
    batch.push(record);
    bytes += recordBytes(record);
    if (bytes < batchBytes) continue;
    yield batches;
    batches = new Map();
    bytes = 0;
  }
  if (bytes > 0) yield batches;
}

function encode(letter: DeadLetter): BatchRecord {
  const { partition, offset, project, reason, message, record } = letter;
  const fits = record.length <= maxMirroredBytes;
  const requestId = requestIdOf(record);
  return {
    key: Buffer.from(deadLetterId(letter)),
    value: fits ? [record] : [],
    headers: encodeHeaders({
      reason,
      message,
      project: project.slice(0, maxRepeated),
      partition: String(partition),
      offset: String(offset),
      ...(requestId === "" ? {} : { request_id: requestId.slice(0, maxRepeated) }),
      ...(fits ? {} : { record_bytes: String(record.length) }),
    }),
  };
}

/** Empty where the record cannot be decoded, or does not tell. */
function requestIdOf(record: Uint8Array): string {
  try {
    return decodeRecord(record).requestId;
  } catch {
    return "";
  }
}

function unavailable(topic: string, why: string, cause?: unknown): WeirError {
  return new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", `topic ${topic} cannot be written: ${why}`, {
    retryDelayMs: 1000,
    cause,
  });
}
