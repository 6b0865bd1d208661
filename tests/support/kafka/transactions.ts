import type { Transaction } from "kafkajs";
import { createKafkaClient, type KafkaConnection } from "../../../src/log/kafka/client.ts";

/** Another program that sends in transactions. */
export interface Transactions {
  begin(): Promise<Transaction>;
  close(): Promise<void>;
}

/** After which brokers would give a transaction up, in milliseconds. */
const transactionTimeout = 600_000;

/** @param id by which brokers know it */
export async function startTransactions(connection: KafkaConnection, id: string): Promise<Transactions> {
  const client = createKafkaClient(connection, { retries: Number.MAX_SAFE_INTEGER });
  const producer = client.kafka.producer({
    transactionalId: id,
    idempotent: true,
    maxInFlightRequests: 1,
    transactionTimeout,
  });
  await producer.connect();
  return { begin: () => producer.transaction(), close: () => client.close() };
}
