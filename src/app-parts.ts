/** What the parts of the composition root give each other. */
import type { Start } from "./app-start.ts";
import type { Config } from "./config/config.ts";
import type { Consumer } from "./consumer/consumer.ts";
import type { StageHealth } from "./domain/health.ts";
import type { Assignment } from "./log/assignment.ts";
import type { LogIdentity } from "./log/identity.ts";
import type { Applied } from "./log/kafka/applied.ts";
import type { KafkaConnection } from "./log/kafka/client.ts";
import type { KafkaReader } from "./log/kafka/reader.ts";
import type { LogTopics } from "./log/kafka/topic-check.ts";
import type { EventLog, LogAppender, LogReader } from "./log/log.ts";
import type { StateStore } from "./state/state.ts";
import type { DeadLetterStore } from "./store/dead-letters.ts";
import type { ApplyResult, EventStore } from "./store/store.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import type { AppliedPositions } from "./visibility/visibility.ts";

export interface LogOptions {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly start: Start;
  /** Takes what ends each part, in the order in which they are started. */
  readonly stops: (() => Promise<void>)[];
}

export interface LogParts {
  readonly identity: Pick<LogIdentity, "logId" | "partitions">;
  readonly appender: LogAppender;
  /** Absent where nothing of this process reads the log. */
  readonly reader?: LogReader;
  readonly state: StateStore;
  /** Forgets ids received before an instant, in milliseconds since 1970. */
  readonly forgetIds: EventLog["forgetIds"];
  /** Absent where applied records go by themselves. */
  readonly trim?: EventLog["trim"];
  /** The log's parts, and those of what is kept with it. */
  health(): StageHealth[];
  /** What the other parts on the same cluster are told; absent where there is none. */
  readonly kafka?: KafkaParts;
}

export interface KafkaParts {
  /** For people. */
  readonly place: string;
  readonly connection: KafkaConnection;
  readonly topics: LogTopics;
  /** Consumer group whose offsets say what is applied. */
  readonly group: string;
  /** What they say. */
  readonly applied: Applied;
  /** Aborted where the log has lost records or is another, with the loss as reason. */
  readonly lost: AbortSignal;
  /** As of MembershipOptions; absent where nothing of this process reads the log. */
  readonly markAt?: KafkaReader["markAt"];
  /** As of KafkaReader; absent as markAt is. */
  readonly keptMs?: KafkaReader["keptMs"];
  /** Keys the hashes of ids. */
  readonly idSecret: Uint8Array;
}

export interface StoreOptions {
  readonly config: Config;
  readonly log: LogParts & { readonly reader: LogReader };
  readonly logger: Logger;
  readonly start: Start;
  /** Takes what ends each part, in the order in which they are started. */
  readonly stops: (() => Promise<void>)[];
}

export interface StoreParts {
  readonly store: EventStore & DeadLetterStore;
  /** How far the log is applied, by whichever process. */
  readonly applied: AppliedPositions;
  /** How far the log is applied where that is another process's matter now; absent where `applied` says it always. */
  readonly progress?: () => readonly number[];
  /** Makes `applied` no older than the call; absent where it always is. */
  readonly refresh?: () => Promise<void>;
  /**
   * Makes the store's version no older than the call, as far as others have told of their changes; rejects while one is
   * under way. Absent where nobody else writes to the store.
   */
  readonly refreshVersion?: () => Promise<void>;
  /** @throws WeirError UNAVAILABLE where what the store holds is not to be told now. Absent where it always is. */
  readonly refuse?: () => void;
  /** What this process applies; absent where it applies nothing. */
  readonly applying?: Applying;
  health(): StageHealth[];
}

export interface Applying {
  readonly assignment: Assignment;
  /** How often a group gave this process its partitions anew; absent without one. */
  readonly rebalances?: () => number;
  /** As the consumer's options. */
  readonly batchBytes?: number;
  readonly afterBatch?: (result: ApplyResult | undefined) => void;
  readonly onStopped?: (why: string) => void;
  /** Tells the consumer that applies the assigned partitions; to be called once. */
  attach(consumer: Consumer): void;
  /** Forgets ids received before an instant, in milliseconds since 1970; absent where the log alone keeps them. */
  readonly forgetIds?: (receivedBeforeMs: number) => Promise<number>;
  /** What is to be done from time to time, by name. */
  readonly upkeep?: Readonly<Record<string, () => Promise<number>>>;
}
