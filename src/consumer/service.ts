import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ConsumerService } from "../../gen/analytics/v1/consumer_pb.js";
import { bindService, type ServiceBinding } from "../domain/call.ts";
import { healthAnswer, type StageHealth } from "../domain/health.ts";
import type { Consumer } from "./consumer.ts";
import type { PartitionLag } from "./lag.ts";

/** ConsumerService: how the log is applied, and how far. */
export function createConsumerService(options: {
  readonly consumer: Consumer;
  readonly lag: () => Promise<PartitionLag[]>;
  readonly health: () => readonly StageHealth[];
  readonly startedAtMs: number;
}): ServiceBinding {
  const { consumer, lag, health, startedAtMs } = options;
  return bindService(ConsumerService, {
    async getConsumerHealth() {
      return healthAnswer(health());
    },
    async getConsumerStats() {
      const figures = consumer.figures();
      return {
        startTime: timestampFromMs(startedAtMs),
        appliedEvents: BigInt(figures.applied),
        eventsPerSecond: figures.eventsPerSecond,
        batches: BigInt(figures.batches),
        errors: BigInt(figures.errors),
        deadLetters: BigInt(figures.deadLetters),
        duplicates: BigInt(figures.duplicates),
        ...(figures.lastAppliedMs === undefined
          ? {}
          : { lastAppliedTime: timestampFromMs(figures.lastAppliedMs) }),
        positions: consumer.positions().map((offset, partition) => ({ partition, offset: BigInt(offset) })),
      };
    },
    async getConsumerLag() {
      const partitions = await lag();
      return {
        lagEvents: BigInt(partitions.reduce((sum, p) => sum + p.end - p.applied, 0)),
        lagSeconds: partitions.reduce((most, p) => Math.max(most, p.seconds), 0),
        partitions: partitions.map((p) => ({
          partition: p.partition,
          endOffset: BigInt(p.end),
          appliedOffset: BigInt(p.applied),
          lagEvents: BigInt(p.end - p.applied),
          lagSeconds: p.seconds,
        })),
      };
    },
  });
}
