import { randomBytes } from "node:crypto";
import { createTopic, withAdmin } from "../../../src/log/kafka/admin.ts";
import type { KafkaConnection } from "../../../src/log/kafka/client.ts";
import { openStateTopic, type StateTopicOptions } from "../../../src/log/kafka/state-topic.ts";
import { type LogTopics, stateSettings } from "../../../src/log/kafka/topic-check.ts";
import { type CreateTopicsOptions, createTopics } from "../../../src/log/kafka/topics.ts";
import { createKafkaState, type KafkaState } from "../../../src/state/kafka/state.ts";
import { newTopicName } from "./log.ts";

export function newTopics(): LogTopics {
  const events = newTopicName();
  return { events, state: `${events}-state`, deadLetters: `${events}-dead-letters` };
}

/** A topic of small state alone. */
export async function createStateTopic(connection: KafkaConnection): Promise<string> {
  const topic = `${newTopicName()}-state`;
  const settings = stateSettings(1);
  await withAdmin(connection, (admin) => createTopic(admin, { topic, partitions: 1, replicas: 1, settings }));
  return topic;
}

export async function openKafkaState(
  connection: KafkaConnection,
  topic: string,
  options: Partial<StateTopicOptions> = {},
): Promise<KafkaState> {
  return createKafkaState(await openStateTopic({ connection, topic, ...options }));
}

/** As `weir topics create` does. */
export function create(
  connection: KafkaConnection,
  topics: LogTopics,
  options: Partial<CreateTopicsOptions> = {},
) {
  return createTopics({
    connection,
    topics,
    partitions: 4,
    retentionMs: 604_800_000,
    openState: () => openKafkaState(connection, topics.state),
    randomBytes,
    ...options,
  });
}
