/**
 * What is used of kafkajs beside its public interface; its version is pinned, and nothing of it has changed for years.
 *
 * - Its cluster, which its own consumer is made of: the public interface reads only as a member of a group, which cannot
 *   read at a given offset without a detour, and which goes to another offset by itself where one is out of range.
 * - Its request queue, whose check for pending requests arms itself again for ever, every millisecond, whether anything
 *   is pending or not (tulios/kafkajs issues 1704 and 1751). No option avoids it, so it is mended here.
 */
import { createRequire } from "node:module";
import type { Kafka, KafkaConfig } from "kafkajs";

const require = createRequire(import.meta.url);

/** A record as a broker keeps it. Offsets and times are decimal text. */
export interface RawRecord {
  readonly offset: string;
  /** Milliseconds since 1970. */
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Whether it is a transaction's marker, which no reader is shown. */
  readonly isControlRecord: boolean;
  /** Of the batch that it was sent in. */
  readonly batchContext: {
    readonly firstOffset: string;
    readonly lastOffsetDelta: number;
    readonly producerId: string;
    readonly inTransaction: boolean;
  };
}

/** One partition's part of a fetch. */
export interface RawPartition {
  readonly partition: number;
  /** Offset behind the last record that no open transaction holds back. */
  readonly lastStableOffset: string;
  /** Offset of the first record kept (kafkajs misspells the name). */
  readonly lastStartOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly messages: readonly RawRecord[];
}

export interface RawFetch {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

/** A request and how its answer is read, for which kafkajs has the connection and the order of answers. */
export interface RawRequest<D, T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    /** The bytes, twice, as kafkajs' own encoder holds them. */
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  readonly response: {
    decode(bytes: Buffer): Promise<D & { readonly clientSideThrottleTime: number }>;
    parse(decoded: D): Promise<T>;
  };
}

export interface RawBroker {
  readonly connectionPool: { send<D, T>(request: RawRequest<D, T>): Promise<T> };
  initProducerId(options: {
    readonly transactionTimeout: number;
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
  fetch(
    request: RawFetch,
  ): Promise<{ readonly responses: readonly { readonly partitions: readonly RawPartition[] }[] }>;
}

export interface RawCluster {
  connect(): Promise<void>;
  /** Learns where the topic's partitions are. */
  addTargetTopic(topic: string): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  /** Partitions by the node id of their leader. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>;
  /** Any broker that answers for the cluster. */
  findControllerBroker(): Promise<RawBroker>;
  findBroker(options: { readonly nodeId: string }): Promise<RawBroker>;
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number }[];
      /** True: offset of the first record; false: behind the last. */
      readonly fromBeginning: boolean;
    }[],
  ): Promise<
    readonly { readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]
  >;
}

/** Records of a transaction are read once it is committed. */
export const readCommitted = 1;

const { createErrorFromCode } = require("kafkajs/src/protocol/error") as {
  createErrorFromCode(code: number): Error & { readonly type: string; readonly retriable: boolean };
};

/** The error that a broker means by a code. */
export const errorOf = createErrorFromCode;

const Cluster = require("kafkajs/src/cluster") as new (options: object) => RawCluster;

export function createCluster(kafka: Kafka, config: KafkaConfig): RawCluster {
  return new Cluster({
    ...config,
    logger: kafka.logger(),
    enforceRequestTimeout: true,
    allowAutoTopicCreation: false,
    isolationLevel: readCommitted,
    metadataMaxAge: 300_000,
  });
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const { prototype } = require("kafkajs/src/network/requestQueue") as { prototype: RequestQueue };
const { scheduleCheckPendingRequests } = prototype;
prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};
