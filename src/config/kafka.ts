/** From the settings to a cluster of Kafka and the names of a log's topics on it. */
import { X509Certificate } from "node:crypto";
import type { Config } from "./config.ts";
import { ConfigError } from "./error.ts";
import { type LogPlace, logPlace } from "./log-url.ts";
import { nameOf, settings, variableOf } from "./settings.ts";
import { readCertificateAndKey, readPem } from "./tls.ts";

/** The settings of which all this is made. */
export type KafkaConfig = Pick<
  Config,
  "log" | "kafkaCa" | "kafkaCert" | "kafkaKey" | "kafkaSasl" | "kafkaUsername" | "kafkaPassword"
>;

type KafkaPlace = Extract<LogPlace, { kind: "kafka" }>;

/** Where the cluster is and how it is spoken to. */
export interface KafkaCluster {
  readonly brokers: readonly string[];
  /** Absent: cleartext. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  /** Absent: no authentication. */
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
}

/** Refuses settings of Kafka that do not fit each other. @throws ConfigError */
export function checkKafka(config: KafkaConfig, place: { readonly tls: boolean }): void {
  const { kafkaCa, kafkaCert, kafkaKey, kafkaSasl, kafkaUsername, kafkaPassword } = config;
  if ((kafkaCert === "") !== (kafkaKey === "")) {
    throw new ConfigError("--kafka-cert and --kafka-key go together: one of them is missing");
  }
  if (!place.tls && (kafkaCa !== "" || kafkaCert !== "")) {
    const set = kafkaCa === "" ? settings.kafkaCert : settings.kafkaCa;
    throw new ConfigError(`${nameOf(set)}: brokers are spoken to by TLS only where the log is kafkas://…`);
  }
  const user = nameOf(settings.kafkaUsername);
  const password = variableOf(settings.kafkaPassword);
  const sasl = nameOf(settings.kafkaSasl);
  if (kafkaSasl === "none" && (kafkaUsername !== "" || kafkaPassword !== "")) {
    throw new ConfigError(`${sasl}: it must say how brokers are told ${user} and ${password}`);
  }
  if (kafkaSasl !== "none" && (kafkaUsername === "" || kafkaPassword === "")) {
    throw new ConfigError(`${sasl}: ${kafkaSasl} needs ${user} and ${password}`);
  }
}

/** The log's cluster and its topics. */
export interface KafkaLog {
  readonly connection: KafkaCluster;
  readonly topics: TopicNames;
}

/**
 * @throws ConfigError where the log is not on Kafka, settings of it do not fit each other, a file cannot be read, or is not
 * what it should be
 */
export function kafkaOf(config: KafkaConfig): KafkaLog {
  const place = logPlace({ log: config.log, dataDir: "" });
  if (place.kind !== "kafka") {
    throw new ConfigError(`${nameOf(settings.log)}: it must name a log on Kafka: kafka://HOST:PORT/PREFIX`);
  }
  checkKafka(config, place);
  const { kafkaSasl: mechanism, kafkaUsername: username, kafkaPassword: password } = config;
  const connection = {
    brokers: place.brokers,
    ...(place.tls ? { tls: readCertificates(config) } : {}),
    ...(mechanism === "none" ? {} : { sasl: { mechanism, username, password } }),
  };
  return { connection, topics: topicNames(place) };
}

/** Consumer group whose offsets say what is applied: one of each log unless the setting names another. */
export function groupOf({ log, kafkaGroup }: Pick<Config, "log" | "kafkaGroup">): string {
  const place = logPlace({ log, dataDir: "" });
  return kafkaGroup === "" && place.kind === "kafka" ? place.prefix : kafkaGroup;
}

function readCertificates({ kafkaCa, kafkaCert, kafkaKey }: KafkaConfig): NonNullable<KafkaCluster["tls"]> {
  const parse = (pem: Buffer) => new X509Certificate(pem);
  return {
    ...(kafkaCa === "" ? {} : { ca: readPem(settings.kafkaCa, kafkaCa, "certificate", parse) }),
    ...(kafkaCert === ""
      ? {}
      : readCertificateAndKey([settings.kafkaCert, kafkaCert], [settings.kafkaKey, kafkaKey])),
  };
}

/** Names of a log's topics. */
export interface TopicNames {
  /** The records. */
  readonly events: string;
  /** The small state that all processes share. */
  readonly state: string;
  /** Copies of the dead letters. */
  readonly deadLetters: string;
}

function topicNames({ prefix }: KafkaPlace): TopicNames {
  return { events: `${prefix}.events`, state: `${prefix}.state`, deadLetters: `${prefix}.dead-letters` };
}
