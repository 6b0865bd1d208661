import type { StartWait } from "../../domain/start-wait.ts";
import type { KafkaConnection } from "./client.ts";
import { currentOffsets, type Offsets } from "./fetcher.ts";
import { untilReached } from "./start.ts";

const timeoutMs = 30_000;

/**
 * Where a topic begins and ends now.
 *
 * @throws LogStartError where the cluster cannot be reached within 30 s
 */
export function presentOffsets(
  connection: KafkaConnection,
  topic: string,
  partitions: number,
  wait?: StartWait,
): Promise<Offsets> {
  const look = (signal: AbortSignal) => currentOffsets(connection, topic, partitions, signal);
  return untilReached(connection, timeoutMs, look, wait);
}
