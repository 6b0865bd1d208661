/** Part of the composition root: what is behind the log in this process, by its roles. */
import { type Access, retentionByProject } from "./app-access.ts";
import type { Applying, LogParts, StoreParts } from "./app-parts.ts";
import type { Config } from "./config/config.ts";
import { type Consumer, createConsumer } from "./consumer/consumer.ts";
import { createUpkeep } from "./consumer/upkeep.ts";
import type { StageHealth } from "./domain/health.ts";
import type { Slots } from "./domain/slots.ts";
import { createLiveHub } from "./live/hub.ts";
import type { LiveHub } from "./live/live.ts";
import { withCache } from "./query/cache.ts";
import { withTracing } from "./query/traced.ts";
import type { DeadLetterStore } from "./store/dead-letters.ts";
import type { EventStore } from "./store/store.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import type { AppliedPositions } from "./visibility/visibility.ts";

export interface StageOptions {
  readonly config: Config;
  readonly log: LogParts;
  /** Absent where the log is not read in this process. */
  readonly parts: StoreParts | undefined;
  readonly access: Access;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
  readonly liveSlots: Slots;
  readonly logger: Logger;
  /** Takes what ends each part, in the order in which they are started. */
  readonly stops: (() => Promise<void>)[];
}

/** What does not run in this process is absent. */
export interface Stages {
  /** How far the log is applied to the store that answers here. */
  readonly applied: AppliedPositions;
  /** How far it is applied, by whichever process. */
  readonly progress: () => readonly number[];
  /** Makes `applied` no older than the call; absent where it always is. */
  readonly refresh?: () => Promise<void>;
  /** Answers questions. */
  readonly store?: EventStore;
  readonly deadLetters?: DeadLetterStore;
  /** @throws WeirError UNAVAILABLE where what the store holds is not to be told now. Absent where it always is. */
  readonly refuse?: () => void;
  readonly consumer?: Consumer;
  readonly applying?: Applying;
  readonly live?: LiveHub;
  /** The store, and what tells how far the log is applied to it. */
  storeHealth(): StageHealth[];
  /** Every part of the process. */
  health(): StageHealth[];
}

const now = Date.now;

export function startStages(options: StageOptions): Stages {
  const { config, log, parts, metrics, tracing, logger, stops } = options;
  const { reader, kafka } = log;
  if (reader === undefined || parts === undefined) {
    if (kafka === undefined) throw new TypeError("an embedded log is read where it is written");
    const { applied } = kafka;
    startUpkeep(options, {});
    return {
      applied,
      progress: applied.positions,
      refresh: applied.refresh,
      storeHealth: () => [applied.health()],
      health: () => [...log.health(), applied.health()],
    };
  }

  const { store, applied, applying } = parts;
  let consumer: Consumer | undefined;
  if (applying !== undefined) {
    consumer = createConsumer({
      log: reader,
      store,
      assignment: applying.assignment,
      ...(applying.batchBytes ? { batchBytes: applying.batchBytes } : {}),
      ...(applying.afterBatch ? { afterBatch: applying.afterBatch } : {}),
      ...(applying.onStopped ? { onStopped: applying.onStopped } : {}),
      metrics,
      logger: logger.child({ stage: "consumer" }),
      tracing,
      now,
    });
    applying.attach(consumer);
    consumer.start();
    const { stop } = consumer;
    stops.push(() => stop());
  }
  startUpkeep(options, parts);

  let live: LiveHub | undefined;
  if (config.roles.includes("analytics")) {
    live = createLiveHub({
      log: reader,
      now,
      slots: options.liveSlots,
      // On Kafka the topic's settings count, whatever this process is told.
      logRetentionMs: kafka?.keptMs ?? config.logRetention,
      dedupWindowMs: config.dedupWindow,
      foreign: kafka !== undefined,
      onError: (error) =>
        logger.error({ err: error, stage: "live" }, "the log cannot be read for live streams"),
    });
    const { close } = live;
    stops.push(() => close());
  }
  const stages = [consumer, live].filter((stage) => stage !== undefined);
  return {
    applied,
    progress: parts.progress ?? applied.positions,
    ...(parts.refresh ? { refresh: parts.refresh } : {}),
    store: withCache(tracing === undefined ? store : withTracing(store, tracing), {
      maxBytes: config.queryCacheBytes,
      ...(parts.refreshVersion ? { refresh: parts.refreshVersion } : {}),
    }),
    deadLetters: refusing(store, parts.refuse),
    ...(parts.refuse ? { refuse: parts.refuse } : {}),
    ...(consumer ? { consumer } : {}),
    ...(applying ? { applying } : {}),
    ...(live ? { live } : {}),
    storeHealth: parts.health,
    health: () => [...log.health(), ...parts.health(), ...stages.map((stage) => stage.health())],
  };
}

function refusing(letters: DeadLetterStore, refuse: (() => void) | undefined): DeadLetterStore {
  if (refuse === undefined) return letters;
  return {
    async deadLetters(...asked) {
      refuse();
      return letters.deadLetters(...asked);
    },
    async discard(...asked) {
      refuse();
      return letters.discard(...asked);
    },
  };
}

/** Removes what is old: of the log here, and of the store where this process applies to it. */
function startUpkeep(
  { config, log, access, logger, stops }: StageOptions,
  { store, applying }: Partial<StoreParts>,
): void {
  const upkeep = createUpkeep({
    ages: {
      rows: config.retention,
      rowsByProject: () => retentionByProject(access.projects.list(), config.retention),
      ids: config.dedupWindow,
      log: config.logRetention,
    },
    ...(log.trim ? { log: { trim: log.trim } } : {}),
    ids: [log.forgetIds, ...(applying?.forgetIds ? [applying.forgetIds] : [])],
    ...(store && applying ? { store } : {}),
    ...(applying?.upkeep ? { more: applying.upkeep } : {}),
    logger: logger.child({ stage: "upkeep" }),
    now,
  });
  upkeep.start();
  stops.push(() => upkeep.stop());
}
