/** How a log on Kafka is spoken to, and what its topics and groups are made with. */
import { choice, duration, integer, minute, name, second, setting, text } from "./types.ts";

export const kafkaSettings = {
  kafkaCa: setting({
    flag: "kafka-ca",
    type: text,
    default: "",
    description:
      "File of the authorities (PEM) that vouch for brokers, with kafkas://; empty: those that Node believes.",
  }),
  kafkaCert: setting({
    flag: "kafka-cert",
    type: text,
    default: "",
    description: "File of the certificate (PEM) that is shown to brokers, with kafkas://.",
  }),
  kafkaKey: setting({
    flag: "kafka-key",
    type: text,
    default: "",
    description: "File of that certificate's private key (PEM).",
  }),
  kafkaSasl: setting<"none" | "plain" | "scram-sha-256" | "scram-sha-512">({
    flag: "kafka-sasl",
    type: choice("none", "plain", "scram-sha-256", "scram-sha-512"),
    default: "none",
    description: "How brokers are told who comes; plain shows them the password, so use it with kafkas://.",
  }),
  kafkaUsername: setting({
    flag: "kafka-username",
    type: text,
    default: "",
    description: "User that --kafka-sasl names.",
  }),
  kafkaPassword: setting({
    flag: "kafka-password",
    type: text,
    default: "",
    secret: true,
    description: "Password of that user.",
  }),
  kafkaCompression: setting<"none" | "gzip">({
    flag: "kafka-compression",
    type: choice("none", "gzip"),
    default: "none",
    description: "How records on Kafka are compressed.",
  }),
  kafkaGroup: setting({
    flag: "kafka-group",
    type: name,
    default: "",
    description:
      "Consumer group whose members share the partitions, and whose offsets say what is applied; one for each store. Empty: named as the prefix of the log's topics.",
  }),
  kafkaReplicas: setting({
    flag: "kafka-replicas",
    type: integer(0, 100),
    default: 0,
    description:
      "Replicas of each partition of the topics that weir topics create makes; 0: 3, or as many as there are brokers.",
  }),
  kafkaSessionTimeoutMs: setting({
    flag: "kafka-session-timeout",
    type: duration(second, 30 * minute),
    default: 10 * second,
    description:
      "A consumer that brokers do not hear of for this long has its partitions given to others; brokers have bounds of their own.",
  }),
};
