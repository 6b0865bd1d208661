import { groupOf } from "../../src/config/kafka.ts";
import type { Installation } from "./installation.ts";

/** Runs Kafka's own kafka-consumer-groups on an installation's group, and answers its standard output. */
export function groupTool({ kafka, env }: Installation, args: readonly string[]): Promise<string> {
  const group = groupOf({ log: env.WEIR_LOG!, kafkaGroup: env.WEIR_KAFKA_GROUP ?? "" });
  const common = ["--bootstrap-server", kafka.brokers.join(","), "--group", group];
  return kafka.tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", [...common, ...args]);
}
