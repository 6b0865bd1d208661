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

/** How one kind of request is made, by version. */
export interface RawApi<O, D, T> {
  readonly versions: readonly string[];
  protocol(options: { readonly version: number }): (options: O) => RawRequest<D, T>;
}

/** A member of a group in one generation of it. */
export interface RawGroupMember {
  readonly groupId: string;
  readonly groupGenerationId: number;
  readonly memberId: string;
}

/** What a group has committed of a partition. */
export interface RawCommitted {
  readonly partition: number;
  /** -1 where there is nothing. */
  readonly offset: string;
  readonly metadata: string | null;
}

export interface RawBroker {
  /** By the number of the request. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>> | null;
  readonly connectionPool: {
    /** @param request its `requestTimeout` holds, in milliseconds, where it is longer than the connection's */
    send<D, T>(request: RawRequest<D, T> & { readonly requestTimeout?: number }): Promise<T>;
  };
  initProducerId(options: {
    readonly transactionTimeout: number;
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
  /** Which broker coordinates a group. */
  findGroupCoordinator(options: {
    readonly groupId: string;
    readonly coordinatorType: number;
  }): Promise<{ readonly coordinator: { readonly nodeId: number } }>;
  /** The request in the newest version that both sides understand. */
  lookupRequest<O, D, T>(apiKey: number, api: RawApi<O, D, T>): (options: O) => RawRequest<D, T>;
  heartbeat(member: RawGroupMember): Promise<unknown>;
  leaveGroup(member: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
  offsetCommit(
    request: RawGroupMember & {
      readonly topics: readonly {
        readonly topic: string;
        readonly partitions: readonly {
          readonly partition: number;
          readonly offset: string;
          readonly metadata: string;
        }[];
      }[];
    },
  ): Promise<unknown>;
  offsetFetch(request: {
    readonly groupId: string;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number }[];
    }[];
  }): Promise<{ readonly responses: readonly { readonly partitions: readonly RawCommitted[] }[] }>;
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

interface JoinGroupOptions {
  readonly groupId: string;
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  /** Empty for who is no member yet. */
  readonly memberId: string;
  readonly protocolType: string;
  readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
}

export interface RawJoined {
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  /** Given to the leader only. */
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}

interface SyncGroupOptions {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
}

/**
 * The two requests of a group that are answered once other members have done something, and so take their time. kafkajs'
 * broker gives up the second one too early, and keeps from its caller under which id it joins.
 */
export const { JoinGroup: joinGroup, SyncGroup: syncGroup } = require("kafkajs/src/protocol/requests")
  .requests as {
  readonly JoinGroup: RawApi<JoinGroupOptions, unknown, RawJoined>;
  readonly SyncGroup: RawApi<SyncGroupOptions, unknown, { readonly memberAssignment: Buffer }>;
};
/** Numbers of requests. */
export const apiKeys = { metadata: 3, joinGroup: 11, syncGroup: 14 };

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
