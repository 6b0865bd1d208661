/** Part of the composition root: the topics of a log on Kafka, made and looked at by commands. */
import { randomBytes } from "node:crypto";
import { type Config, ConfigError } from "./config/config.ts";
import { type KafkaConfig, type KafkaLog, kafkaOf } from "./config/kafka.ts";
import { nameOf, settings } from "./config/settings.ts";
import { readIdentity } from "./log/identity.ts";
import { type TopicDescription, withAdmin } from "./log/kafka/admin.ts";
import { untilReached } from "./log/kafka/start.ts";
import { openStateTopic, type StateTopicOptions } from "./log/kafka/state-topic.ts";
import type { TopicProblem } from "./log/kafka/topic-check.ts";
import { checkTopics, createTopics, isRemade, listTopics, ReplicaCountError } from "./log/kafka/topics.ts";
import { LogStartError, PartitionCountError } from "./log/log.ts";
import { createKafkaState, type KafkaState } from "./state/kafka/state.ts";
import { ensureTokenSecret } from "./state/token-secret.ts";

export type TopicsConfig = KafkaConfig &
  Pick<Config, "logRetention" | "kafkaReplicas" | "kafkaCompression"> & {
    /** Absent: no number is asked for. */
    readonly partitions?: number;
  };

/** Another system, such as brokers, does not answer, or does not let us in. One line for the operator. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

export interface CreatedLog {
  /** Topics that were not there before. */
  readonly created: readonly string[];
  readonly logId: string;
  readonly partitions: number;
  /** Topic of the small state, with the log's identity and the token secret. */
  readonly state: string;
  /** Whether the secret that encrypts tokens was made now. */
  readonly secretMade: boolean;
}

/**
 * Makes what is missing of a log: topics, identity, token secret. A log that is there has a number of partitions of its
 * own, as has a topic of records that stands without one, with which a number that is asked for is compared.
 *
 * @param waitMs how long to wait for brokers
 * @throws ConfigError where the log has another number of partitions, or there are fewer brokers than replicas; LogStartError where a topic that is there cannot be
 * used, UnreachableError
 */
export function createLogTopics(config: TopicsConfig, waitMs: number): Promise<CreatedLog> {
  const { partitions, logRetention: retentionMs, kafkaReplicas, kafkaCompression: compression } = config;
  return onCluster(config, waitMs, async (log) => {
    const { connection, topics } = log;
    const { created, identity } = await createTopics({
      connection,
      topics,
      partitions: partitions ?? settings.partitions.default,
      keepPartitions: partitions === undefined,
      ...(kafkaReplicas === 0 ? {} : { replicas: kafkaReplicas }),
      retentionMs,
      compression,
      openState: () => openState(log, { startTimeoutMs: waitMs }),
      randomBytes,
    }).catch(refuseCounts);
    const { made } = await withState(log, waitMs, (state) => ensureTokenSecret(state));
    const { logId, partitions: kept } = identity;
    return { created, logId, partitions: kept, state: topics.state, secretMade: made };
  });
}

export interface LogTopicList {
  readonly topics: readonly TopicDescription[];
  /** Names of those that are not there. */
  readonly missing: readonly string[];
}

/** @throws UnreachableError */
export function listLogTopics(config: KafkaConfig, waitMs: number): Promise<LogTopicList> {
  return onCluster(config, waitMs, async ({ connection, topics }) => {
    const found = await listTopics(connection, topics);
    const missing = Object.values(topics).filter((name) => !found.some(({ topic }) => topic === name));
    return { topics: found, missing };
  });
}

/**
 * What is wrong with a log's topics and with what the small state says of the log; nothing where all is well.
 *
 * @throws UnreachableError, LogStartError where the small state cannot be read
 */
export function checkLogTopics(config: TopicsConfig, waitMs: number): Promise<readonly TopicProblem[]> {
  const { logRetention: retentionMs, partitions: asked } = config;
  return onCluster(config, waitMs, async (log) => {
    const { connection, topics } = log;
    const check = (partitions?: number) => checkTopics(connection, topics, { partitions, retentionMs });
    const unlike = (topic: string, has: string, partitions: number | undefined) =>
      asked === undefined || partitions === undefined || asked === partitions
        ? []
        : [problemOf(topic, `${has} ${partitions} partitions, asked for are ${asked}`)];
    const present = (await listTopics(connection, topics)).find(({ topic }) => topic === topics.events);
    const ofTopic = () => unlike(topics.events, "has", present?.partitions);
    const problems = await check();
    if (problems.some(({ topic, fatal }) => fatal && topic === topics.state))
      return [...problems, ...ofTopic()];
    const identity = await withState(log, waitMs, (state) => readIdentity(state.get));
    if (identity === undefined) {
      return [...problems, problemOf(topics.state, "holds no log yet"), ...ofTopic()];
    }
    if (present !== undefined && (await isRemade(connection, topics.events, identity))) {
      const what =
        "was deleted and made anew: weir topics create makes a new log of it, which takes a new store";
      return [...problems, ...ofTopic(), problemOf(topics.events, what)];
    }
    const found = await check(identity.partitions);
    return [...found, ...unlike(topics.state, "is of a log with", identity.partitions)];
  });
}

function problemOf(topic: string, what: string): TopicProblem {
  return { topic, fatal: true, message: `topic ${topic} ${what}` };
}

/** The small state of a log on Kafka. @throws LogStartError; the reason of the wait's signal */
export async function openState(
  { connection, topics }: KafkaLog,
  options: Pick<StateTopicOptions, "startTimeoutMs" | "wait" | "onLoss"> = {},
): Promise<KafkaState> {
  return createKafkaState(await openStateTopic({ connection, topic: topics.state, ...options }));
}

export async function withState<T>(
  log: KafkaLog,
  waitMs: number,
  work: (state: KafkaState) => Promise<T>,
): Promise<T> {
  const state = await openState(log, { startTimeoutMs: waitMs });
  try {
    return await work(state);
  } finally {
    await state.close();
  }
}

/**
 * Does something on a log's cluster, once it is reached.
 *
 * @throws LogStartError and ConfigError as `work` does; for all else UnreachableError
 */
export async function onCluster<T>(
  config: KafkaConfig,
  waitMs: number,
  work: (log: KafkaLog) => Promise<T>,
): Promise<T> {
  const log = kafkaOf(config);
  const { connection } = log;
  await untilReached(connection, waitMs, (signal) =>
    withAdmin(connection, (admin) => admin.describeCluster(), signal),
  ).catch(unreachable);
  try {
    return await work(log);
  } catch (error) {
    if (error instanceof LogStartError || error instanceof ConfigError) throw error;
    return unreachable(error);
  }
}

function unreachable(error: unknown): never {
  // Of several errors at once the message of all says nothing.
  const [first = error] = (error as { errors?: unknown[] }).errors ?? [];
  throw new UnreachableError((first as Error).message.split("\n")[0], { cause: error });
}

function refuseCounts(error: unknown): never {
  if (error instanceof ReplicaCountError) {
    const otherwise = "or leave it out for as many as there are, up to 3";
    throw new ConfigError(`${nameOf(settings.kafkaReplicas)}: ${error.message}, ${otherwise}`, {
      cause: error,
    });
  }
  if (!(error instanceof PartitionCountError)) throw error;
  throw new ConfigError(
    `${nameOf(settings.partitions)}: ${error.message}. With another number a user's events would go to another ` +
      "partition, out of order with those before and unknown to what finds duplicates",
    { cause: error },
  );
}
