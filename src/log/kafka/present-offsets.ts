import type { KafkaConnection } from "./client.ts";
import { currentOffsets, type Offsets } from "./fetcher.ts";
import { untilReached } from "./start.ts";

/**
 * Where a topic begins and ends now.
 *
 * @param timeoutMs how long to wait for the cluster
 * @throws LogStartError where it cannot be reached in time
 */
export function presentOffsets(
  connection: KafkaConnection,
  topic: string,
  partitions: number,
  timeoutMs = 30_000,
): Promise<Offsets> {
  return untilReached(connection, timeoutMs, (signal) =>
    currentOffsets(connection, topic, partitions, signal),
  );
}
