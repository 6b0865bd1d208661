/** Whether topics are such that nothing is lost on them: the rules, and what to do where one is broken. */
import type { TopicDescription } from "./admin.ts";

/** Names of a log's topics. */
export interface LogTopics {
  /** The records, by user. */
  readonly events: string;
  /** The small state that all processes share. */
  readonly state: string;
  /** What of the records could not be applied, for others to read; by the partition that it came from. */
  readonly deadLetters: string;
}

export interface TopicProblem {
  readonly topic: string;
  /** Whether the log cannot be used so; else it is only not as asked for. */
  readonly fatal: boolean;
  /** One line for the operator. */
  readonly message: string;
}

/** Largest record that the log takes, as encoded; the contract's limits keep all of them well below. */
export const maxRecordBytes = 128 * 1024;
/** How records are kept by brokers. */
export type Compression = "none" | "gzip";

/** So that a batch with one more record than half of it never is too large. */
const leastMessageBytes = 2 * maxRecordBytes;
/** A value of the small state has up to 1 MiB, and a key beside it. */
export const stateMessageBytes = 2 * 1024 ** 2;

/** A record of a foreign producer may be as large as the topic of records takes it, and has headers beside it here. */
const deadLetterMessageBytes = 2 * 1024 ** 2;

/** Settings that a topic of records is created with. */
export function eventSettings(
  replicas: number,
  retentionMs: number,
  compression: Compression = "none",
): ReadonlyMap<string, string> {
  return new Map([
    ["cleanup.policy", "delete"],
    ["retention.ms", String(Number.isFinite(retentionMs) ? retentionMs : -1)],
    ["retention.bytes", "-1"],
    ["message.timestamp.type", "LogAppendTime"],
    ["max.message.bytes", "1048588"],
    // Brokers unpack what other programs compress by codecs that are not read here.
    ["compression.type", compression === "none" ? "uncompressed" : compression],
    ...sharedSettings(replicas),
  ]);
}

/** Settings that the topic of small state is created with. */
export function stateSettings(replicas: number): ReadonlyMap<string, string> {
  return new Map([
    ["cleanup.policy", "compact"],
    ["max.message.bytes", String(stateMessageBytes)],
    ...sharedSettings(replicas),
  ]);
}

/** Settings that the topic of dead letters is created with. */
export function deadLetterSettings(replicas: number, retentionMs: number): ReadonlyMap<string, string> {
  return new Map([
    ...eventSettings(replicas, retentionMs),
    ["max.message.bytes", String(deadLetterMessageBytes)],
  ]);
}

function sharedSettings(replicas: number): [string, string][] {
  return [
    // With three replicas one may be away, and what is acknowledged is on two.
    ["min.insync.replicas", String(Math.max(1, replicas - 1))],
    ["unclean.leader.election.enable", "false"],
  ];
}

/** What is wrong with a log's topic of records. */
export function checkEventTopic(
  description: TopicDescription,
  wanted: { readonly partitions: number; readonly retentionMs?: number | undefined },
): TopicProblem[] {
  const { topic, partitions, settings } = description;
  const problems = checkShared(description);
  const fatal = (message: string) => problems.push({ topic, fatal: true, message });
  if (partitions !== wanted.partitions) {
    fatal(
      `topic ${topic} has ${partitions} partitions, but its log has ${wanted.partitions}: with another number a user's ` +
        "events would go to another partition, out of order with those before and unknown to what finds duplicates. " +
        "Create topics of another name, and send the events again that are to be kept",
    );
  }
  if (settings.get("cleanup.policy") !== "delete") {
    fatal(
      `topic ${topic} has cleanup.policy=${settings.get("cleanup.policy")}, which would remove events of users who ` +
        "have newer ones: set it to delete",
    );
  }
  if (settings.get("message.timestamp.type") !== "LogAppendTime") {
    fatal(
      `topic ${topic} has message.timestamp.type=${settings.get("message.timestamp.type")}: set it to LogAppendTime, ` +
        "by which its retention and the lag are reckoned, whatever a producer's clock says",
    );
  }
  return [
    ...problems,
    ...checkCompression(description),
    ...checkMessageBytes(description, leastMessageBytes),
    ...checkRetention(description, wanted.retentionMs),
  ];
}

/** The codecs that are read; brokers can bring every batch to one of them. */
const readable = ["uncompressed", "gzip"];

function checkCompression({ topic, settings }: TopicDescription): TopicProblem[] {
  const type = settings.get("compression.type") ?? "producer";
  if (readable.includes(type)) return [];
  const consequence =
    type === "producer"
      ? "one record that another program compresses by lz4, snappy or zstd stops the whole log from being applied"
      : "which is not read";
  const message = `topic ${topic} has compression.type=${type}: ${consequence}. Set it to ${readable.join(" or ")}`;
  return [{ topic, fatal: type !== "producer", message }];
}

/** What is wrong with a log's topic of dead letters. */
export function checkDeadLetterTopic(
  description: TopicDescription,
  wanted: { readonly partitions: number; readonly retentionMs?: number | undefined },
): TopicProblem[] {
  const { topic, partitions, settings } = description;
  const problems = checkShared(description);
  const fatal = (message: string) => problems.push({ topic, fatal: true, message });
  if (partitions < wanted.partitions) {
    fatal(
      `topic ${topic} has ${partitions} partitions, but its log has ${wanted.partitions}: give it as many`,
    );
  }
  if (settings.get("cleanup.policy") !== "delete") {
    fatal(
      `topic ${topic} has cleanup.policy=${settings.get("cleanup.policy")}, which would remove dead letters of users ` +
        "who have newer ones: set it to delete",
    );
  }
  return [
    ...problems,
    ...checkMessageBytes(description, deadLetterMessageBytes),
    ...checkRetention(description, wanted.retentionMs),
  ];
}

/** What is wrong with a log's topic of small state. */
export function checkStateTopic(description: TopicDescription): TopicProblem[] {
  const { topic, partitions, settings } = description;
  const problems = checkShared(description);
  const fatal = (message: string) => problems.push({ topic, fatal: true, message });
  if (partitions !== 1)
    fatal(`topic ${topic} has ${partitions} partitions: it must have 1, or changes lose their order`);
  if (settings.get("cleanup.policy") !== "compact") {
    fatal(
      `topic ${topic} has cleanup.policy=${settings.get("cleanup.policy")}, which would remove keys and secrets as they ` +
        "get old: set it to compact",
    );
  }
  return [...problems, ...checkMessageBytes(description, stateMessageBytes)];
}

function checkMessageBytes({ topic, settings }: TopicDescription, least: number): TopicProblem[] {
  const bytes = settings.get("max.message.bytes");
  if (Number(bytes) >= least) return [];
  const message = `topic ${topic} has max.message.bytes=${bytes}: set it to ${least} at least`;
  return [{ topic, fatal: true, message }];
}

/** How long a topic keeps each record at least, in milliseconds: 0 where nothing says so, Infinity: for ever. */
export function keptMsOf(settings: TopicDescription["settings"]): number {
  if (settings.get("retention.bytes") !== "-1") return 0;
  const ms = settings.get("retention.ms");
  if (ms === "-1") return Number.POSITIVE_INFINITY;
  return Number(ms) || 0;
}

function checkRetention({ topic, settings }: TopicDescription, wantedMs: number | undefined): TopicProblem[] {
  if (wantedMs === undefined) return [];
  const asked = eventSettings(1, wantedMs).get("retention.ms");
  const kept = settings.get("retention.ms");
  if (kept === asked) return [];
  return [{ topic, fatal: false, message: `topic ${topic} has retention.ms=${kept}, asked for is ${asked}` }];
}

function checkShared({ topic, replicas, settings }: TopicDescription): TopicProblem[] {
  const problems: TopicProblem[] = [];
  if (settings.get("unclean.leader.election.enable") === "true") {
    problems.push({
      topic,
      fatal: true,
      message: `topic ${topic} has unclean.leader.election.enable=true, by which acknowledged events are lost: set it to false`,
    });
  }
  const least = Number(settings.get("min.insync.replicas"));
  if (replicas > 1 && least < 2) {
    problems.push({
      topic,
      fatal: false,
      message: `topic ${topic} has ${replicas} replicas and min.insync.replicas=${least}: what is acknowledged may be on one of them only`,
    });
  }
  return problems;
}
