/** Part of the composition root: every service of the contract, over the stages. */
import { randomBytes } from "node:crypto";
import { EventSchema } from "../gen/analytics/v1/event_pb.js";
import { MetricsService } from "../gen/analytics/v1/metrics_pb.js";
import { createCursors } from "./admin/cursors.ts";
import { createPages } from "./admin/pages.ts";
import { createAdminService } from "./admin/service.ts";
import type { Access } from "./app-access.ts";
import { queueOf } from "./app-log.ts";
import type { Config } from "./config/config.ts";
import type { Consumer } from "./consumer/consumer.ts";
import { createConsumerService } from "./consumer/service.ts";
import { validate } from "./contract/validate.ts";
import { bindService, type ServiceBinding } from "./domain/call.ts";
import { createSlots, type Slots } from "./domain/slots.ts";
import { uuid7 } from "./domain/uuid7.ts";
import { createAdmission } from "./ingestion/admission.ts";
import { createProducerService } from "./ingestion/producer.ts";
import { createReplay } from "./ingestion/replay.ts";
import { createIngestionService } from "./ingestion/service.ts";
import type { IngestionStats } from "./ingestion/stats.ts";
import type { LiveHub } from "./live/live.ts";
import type { EventLog } from "./log/log.ts";
import { createLiveCursors } from "./query/live-cursor.ts";
import { createPageTokens } from "./query/page-token.ts";
import { createAnalyticsService } from "./query/service.ts";
import type { DeadLetterStore } from "./store/dead-letters.ts";
import type { EventStore } from "./store/store.ts";
import { platformFigures } from "./telemetry/figures.ts";
import type { History } from "./telemetry/history.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { createMetricsService } from "./telemetry/service.ts";
import { createVisibility } from "./visibility/visibility.ts";

export interface ServiceParts {
  readonly config: Config;
  readonly startedAtMs: number;
  /** Signs tokens and cursors. */
  readonly secret: Uint8Array;
  readonly access: Access;
  readonly log: EventLog;
  /** Answers questions. */
  readonly store: EventStore;
  readonly deadLetters: DeadLetterStore;
  readonly consumer: Consumer;
  readonly live: LiveHub;
  readonly liveSlots: Slots;
  readonly metrics: Metrics;
  readonly history: History;
  readonly stats: IngestionStats;
}

const now = Date.now;

export function createServices(parts: ServiceParts): ServiceBinding[] {
  const { config, secret, log, store, consumer, live, liveSlots, metrics, history, stats } = parts;
  const visibility = createVisibility({ secret, logId: log.logId, applied: consumer });
  const admission = createAdmission({
    log,
    visibility,
    metrics,
    stats,
    now,
    validate: (event) => validate(EventSchema, event),
    newId: () => uuid7(now(), randomBytes(10)),
    maxFutureMs: config.maxFuture,
  });
  const health = () => [log.health()];
  return [
    createIngestionService({ admission, health }),
    createProducerService({ admission, stats, health, queue: () => queueOf(log) }),
    createConsumerService({
      consumer,
      startedAtMs: parts.startedAtMs,
      health: () => [consumer.health(), log.health(), store.health()],
    }),
    createAnalyticsService({
      store,
      visibility,
      pageTokens: createPageTokens(secret),
      exportSlots: createSlots(config.maxExports, "places for exports"),
      live,
      cursors: createLiveCursors(secret, log.logId),
      health: () => [store.health(), consumer.health(), live.health()],
      now,
      platform: () => platformFigures(metrics),
    }),
    createAdminService({
      keys: parts.access.keys,
      projects: parts.access.projects,
      pages: createPages(secret),
      cursors: createCursors(secret),
      deadLetters: parts.deadLetters,
      replay: createReplay({ log, visibility, now }),
      now,
    }),
    bindService(MetricsService, createMetricsService({ metrics, history, now, slots: liveSlots })),
  ];
}
