import type { EventLog } from "../log.ts";
import { createKafkaAppender, type KafkaAppenderOptions } from "./appender.ts";
import { createLossLatch } from "./loss.ts";
import { createKafkaReader, type KafkaReader, type KafkaReaderOptions } from "./reader.ts";

/**
 * Both sides of a log on Kafka in one process. Reading sees what was acknowledged a moment later. Records are removed by
 * the topic's own retention, so trim() has nothing to do.
 *
 * @throws LogStartError where the cluster cannot be reached or its topic cannot be used
 */
export async function createKafkaLog(
  options: KafkaAppenderOptions & KafkaReaderOptions,
): Promise<EventLog & KafkaReader> {
  const latch = createLossLatch(options.onLoss);
  const appender = await createKafkaAppender(options, latch);
  try {
    const reader = await createKafkaReader(options, latch);
    return {
      ...reader,
      append: appender.append,
      enqueue: appender.enqueue,
      getsThrough: appender.getsThrough,
      trim: async () => 0,
      forgetIds: appender.forgetIds,
      health() {
        const health = appender.health();
        return health.status === "healthy" ? reader.health() : health;
      },
      stats: () => ({ ...appender.stats(), ...reader.stats() }),
      async close() {
        try {
          await appender.close();
        } finally {
          await reader.close();
        }
      },
    };
  } catch (error) {
    await appender.close();
    throw error;
  }
}
