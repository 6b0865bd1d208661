/** Topics of a log as they first were: no topic of dead letters, and a small state without the id of the topic of records. */
import { Kafka, logLevel } from "kafkajs";
import { type JavaRecord, sendByJava } from "../kafka/records.ts";
import type { KafkaBroker } from "../kafka.ts";
import { oldEvents, oldPartitions } from "./events.ts";
import { state1 } from "./log-1.ts";
import { encodeRecord1 } from "./record-1.ts";

const common = { "min.insync.replicas": "1", "unclean.leader.election.enable": "false" };
const eventSettings = {
  ...common,
  "cleanup.policy": "delete",
  "retention.ms": "-1",
  "retention.bytes": "-1",
  "message.timestamp.type": "LogAppendTime",
  "max.message.bytes": "1048588",
};
const stateSettings = { ...common, "cleanup.policy": "compact", "max.message.bytes": "2097152" };

/**
 * Makes the topics PREFIX.events and PREFIX.state, and writes the old events.
 *
 * @param further records behind them
 */
export async function writeTopics1(
  kafka: KafkaBroker,
  prefix: string,
  receivedMs: number,
  further: readonly JavaRecord[],
): Promise<void> {
  const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const topic = (name: string, numPartitions: number, settings: Readonly<Record<string, string>>) => ({
    topic: `${prefix}.${name}`,
    numPartitions,
    replicationFactor: 1,
    configEntries: Object.entries(settings).map(([key, value]) => ({ name: key, value })),
  });
  await admin.createTopics({
    topics: [topic("events", oldPartitions, eventSettings), topic("state", 1, stateSettings)],
    waitForLeaders: true,
  });
  await admin.disconnect();
  const states = state1.map(([key, value]) => ({ key, value }));
  await sendByJava(kafka, `${prefix}.state`, states);
  const records = oldEvents.map((event) => ({
    key: event.userId,
    partition: event.partition,
    value: encodeRecord1(event, receivedMs),
  }));
  await sendByJava(kafka, `${prefix}.events`, [...records, ...further]);
}
