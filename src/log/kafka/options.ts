import type { StartWait } from "../../domain/start-wait.ts";
import type { LogIdentity } from "../identity.ts";
import type { KafkaConnection } from "./client.ts";
import type { LogLostError } from "./loss.ts";

/** What both sides of a log on Kafka are told. */
export interface KafkaLogOptions {
  readonly connection: KafkaConnection;
  /** Topic of the records. */
  readonly topic: string;
  /** As the small state has it. */
  readonly identity: LogIdentity;
  /** Must be the identity's. */
  readonly partitions: number;
  /** How long to wait for the cluster at the start, in milliseconds. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** Told while it waits for it. Default: nobody. */
  readonly wait?: StartWait;
  /** Brokers that do not answer for longer make the log unhealthy, in milliseconds. Default 5,000. */
  readonly stalledAfterMs?: number;
  /** Told once of records that were read or acknowledged and are gone, and of a topic that was made anew. */
  readonly onLoss?: (loss: LogLostError) => void;
}
