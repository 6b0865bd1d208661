/** Making and listing the topics of a log. */
import type { Admin } from "kafkajs";
import type { StartWait } from "../../domain/start-wait.ts";
import { identityKeys, type LogIdentity, newIdentity, readIdentity, topicIdKey } from "../identity.ts";
import { LogStartError, PartitionCountError } from "../log.ts";
import { createTopic, describeTopics, type TopicDescription, withAdmin } from "./admin.ts";
import type { KafkaConnection } from "./client.ts";
import { claimIdentity, type IdentityState, isBegun, isClaimed, setMade } from "./identity-claim.ts";
import { presentTopicId } from "./present-topic-id.ts";
import {
  type Compression,
  checkDeadLetterTopic,
  checkEventTopic,
  checkStateTopic,
  deadLetterSettings,
  eventSettings,
  type LogTopics,
  stateSettings,
  type TopicProblem,
} from "./topic-check.ts";

export interface CreateTopicsOptions {
  readonly connection: KafkaConnection;
  readonly topics: LogTopics;
  /** Partitions of the log, 1 to 1,024. */
  readonly partitions: number;
  /** Whether a log that is there, or its topic of records alone, keeps another number, instead of being refused. Default false. */
  readonly keepPartitions?: boolean;
  /** Replicas of each partition. Default: 3, or as many as there are brokers if they are fewer. */
  readonly replicas?: number;
  /** How long records and dead letters are kept, in milliseconds; Infinity: for ever. */
  readonly retentionMs: number;
  /** How brokers keep the records, whatever they were sent with. Default none. */
  readonly compression?: Compression;
  /** Opens the small state on its topic, once that is there. */
  readonly openState: () => Promise<IdentityState>;
  readonly randomBytes: (length: number) => Uint8Array;
}

export interface CreatedTopics {
  /** Those that were not there before. */
  readonly created: readonly string[];
  readonly identity: LogIdentity;
}

/** More replicas were asked for than there are brokers to keep them. */
export class ReplicaCountError extends Error {
  override readonly name = "ReplicaCountError";

  constructor(replicas: number, brokers: number) {
    const found = brokers === 1 ? "there is 1" : `there are ${brokers}`;
    super(`${replicas} replicas need ${replicas} brokers, and ${found}: say ${brokers} at most`);
  }
}

/**
 * Makes the topics of a log that are not there yet, and the log's identity in the small state. What is there is left as it
 * is; a log whose topic of records has gone, or was made anew, is a new log. Of several processes at once one is first, and
 * the others have its log.
 *
 * @throws PartitionCountError when the log has another number of partitions, ReplicaCountError where there are fewer
 *   brokers, LogStartError when a topic that is there cannot be used
 */
export function createTopics(options: CreateTopicsOptions): Promise<CreatedTopics> {
  const { connection, topics, retentionMs, randomBytes } = options;
  return withAdmin(connection, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const { replicas = Math.min(3, brokers.length) } = options;
    const created: string[] = [];
    const make = async (topic: string, count: number, settings: ReadonlyMap<string, string>) => {
      if (replicas > brokers.length) throw new ReplicaCountError(replicas, brokers.length);
      if (await createTopic(admin, { topic, partitions: count, replicas, settings })) created.push(topic);
    };
    const find = async (topic: string) => (await describeTopics(admin, [topic]))[0];
    let events = await find(topics.events);
    const deadLetters = await find(topics.deadLetters);
    const existing = await find(topics.state);
    /** Before anything is made: the number for a log that is kept, or that takes the place of one. */
    const settle = (kept: LogIdentity | undefined, isNew: boolean): number => {
      const own = isNew ? (events?.partitions ?? kept?.partitions) : kept?.partitions;
      const partitions = (options.keepPartitions && own) || options.partitions;
      if (kept !== undefined && !isNew) refuseOther(kept.partitions, partitions);
      if (isNew && events !== undefined)
        refuseOther(events.partitions, partitions, `topic ${topics.events} has`);
      if (events !== undefined) refuse(checkEventTopic(events, { partitions }));
      if (deadLetters !== undefined) refuse(checkDeadLetterTopic(deadLetters, { partitions }));
      return partitions;
    };
    if (existing !== undefined) refuse(checkStateTopic(existing));
    else {
      settle(undefined, true);
      await make(topics.state, 1, stateSettings(replicas));
    }

    const state = await options.openState();
    try {
      // One that was being written when its writer ended has no id yet.
      const hasId = (await state.get(identityKeys.logId)) !== undefined;
      const kept = hasId ? await readIdentity(state.get) : undefined;
      const isBeingMade = kept !== undefined && (await isBegun(state, kept.logId));
      const isBeingReplaced = await isClaimed(state, kept?.logId);
      // Only now: who has made them since has said so in the state before.
      events = await find(topics.events);
      const isGone = events === undefined && !isBeingMade;
      const isNew =
        kept === undefined || isBeingReplaced || isGone || (await isRemade(connection, topics.events, kept));
      let partitions = settle(kept, isNew);
      let identity = kept;
      if (isNew || identity === undefined) {
        const own = newIdentity(partitions, randomBytes);
        identity = await claimIdentity(state, kept?.logId, own, options.openState);
        partitions = settle(identity, false);
      }
      if (deadLetters === undefined) {
        await make(topics.deadLetters, partitions, deadLetterSettings(replicas, retentionMs));
      }
      // Only now: a topic of records never stands beside the identity of another log.
      if (events === undefined) {
        await make(topics.events, partitions, eventSettings(replicas, retentionMs, options.compression));
      }
      identity = await withTopicId(connection, topics.events, identity, state);
      await setMade(state, identity.logId);
      return { created, identity };
    } finally {
      await state.close();
    }
  });
}

/** Whether the topic of records that exists is another one than the log was created with, as far as ids tell. */
export async function isRemade(
  connection: KafkaConnection,
  topic: string,
  { topicId }: LogIdentity,
): Promise<boolean> {
  if (topicId === undefined) return false;
  const present = await presentTopicId(connection, topic);
  return present !== undefined && present !== topicId;
}

/** The identity with the id of its topic of records, which is kept where it was not known, as of older logs. */
export async function withTopicId(
  connection: KafkaConnection,
  topic: string,
  identity: LogIdentity,
  state: Pick<IdentityState, "put">,
  wait?: StartWait,
): Promise<LogIdentity> {
  if (identity.topicId !== undefined) return identity;
  const topicId = await presentTopicId(connection, topic, wait);
  if (topicId === undefined) return identity;
  await state.put(topicIdKey, Buffer.from(topicId));
  return { ...identity, topicId };
}

/** The log's topics as they are, as far as they exist. */
export function listTopics(connection: KafkaConnection, topics: LogTopics): Promise<TopicDescription[]> {
  return withAdmin(connection, (admin) =>
    describeTopics(admin, [topics.events, topics.state, topics.deadLetters]),
  );
}

/**
 * What is wrong with the log's topics; nothing where all is well.
 *
 * @param asked `partitions`: of the log; absent: those of its topic of records
 */
export async function checkTopics(
  connection: KafkaConnection,
  topics: LogTopics,
  asked: { readonly partitions?: number | undefined; readonly retentionMs: number },
): Promise<TopicProblem[]> {
  const found = await listTopics(connection, topics);
  const present = found.find(({ topic }) => topic === topics.events)?.partitions;
  const wanted = { ...asked, partitions: asked.partitions ?? present ?? 1 };
  const checks: [string, (description: TopicDescription) => TopicProblem[]][] = [
    [topics.events, (description) => checkEventTopic(description, wanted)],
    [topics.state, checkStateTopic],
    [topics.deadLetters, (description) => checkDeadLetterTopic(description, wanted)],
  ];
  return checks.flatMap(([topic, check]) => {
    const description = found.find((one) => one.topic === topic);
    return description === undefined ? { topic, fatal: true, message: missing(topic) } : check(description);
  });
}

/**
 * The topic of records, ready for use.
 *
 * @throws PartitionCountError, LogStartError when it is not there or cannot be used
 */
export async function usableEventTopic(
  admin: Admin,
  topic: string,
  identity: LogIdentity,
  partitions: number,
): Promise<TopicDescription> {
  refuseOther(identity.partitions, partitions);
  const [description] = await describeTopics(admin, [topic]);
  if (description === undefined) throw new LogStartError(missing(topic));
  refuse(checkEventTopic(description, { partitions }));
  return description;
}

/** @throws LogStartError when the topic of small state is not there or cannot be used */
export async function usableStateTopic(admin: Admin, topic: string): Promise<void> {
  const [description] = await describeTopics(admin, [topic]);
  if (description === undefined) throw new LogStartError(missing(topic));
  refuse(checkStateTopic(description));
}

function missing(topic: string): string {
  return `there is no topic ${topic}: create the log's topics first`;
}

function refuse(problems: readonly TopicProblem[]): void {
  const fatal = problems.find((problem) => problem.fatal);
  if (fatal !== undefined) throw new LogStartError(fatal.message);
}

function refuseOther(kept: number, wanted: number, who = "the log was created with"): void {
  if (kept === wanted) return;
  throw new PartitionCountError(
    `${who} ${kept} partitions and cannot be used with ${wanted}: say ${kept}, or create topics of ` +
      "another name",
  );
}
