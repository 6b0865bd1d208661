/** Records that another program puts on the log. */
import { createKafkaClient } from "../../../src/log/kafka/client.ts";
import type { Installation } from "../installation.ts";

export interface ForeignRecord {
  readonly key: string;
  /** Where it is put, whatever the key. */
  readonly partition: number;
  readonly value: Uint8Array;
}

/** Resolves once all of them are on the log. */
export async function putOnLog({ kafka }: Installation, records: readonly ForeignRecord[]): Promise<void> {
  const client = createKafkaClient(kafka, { retries: 0 });
  try {
    const producer = client.kafka.producer();
    await producer.connect();
    const messages = records.map((record) => ({ ...record, value: Buffer.from(record.value) }));
    await producer.send({ topic: "weir.events", acks: -1, messages });
  } finally {
    await client.close();
  }
}
