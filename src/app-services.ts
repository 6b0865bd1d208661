/** Part of the composition root: every service of the contract, over the stages. */
import { randomBytes } from "node:crypto";
import { AnalyticsService } from "../gen/analytics/v1/analytics_pb.js";
import { ConsumerService } from "../gen/analytics/v1/consumer_pb.js";
import { EventSchema } from "../gen/analytics/v1/event_pb.js";
import { EventIngestionService } from "../gen/analytics/v1/ingestion_pb.js";
import { MetricsService } from "../gen/analytics/v1/metrics_pb.js";
import { ProducerService } from "../gen/analytics/v1/producer_pb.js";
import { createCursors } from "./admin/cursors.ts";
import { createPages } from "./admin/pages.ts";
import { createAdminService } from "./admin/service.ts";
import type { Access } from "./app-access.ts";
import { queueOf } from "./app-log.ts";
import type { LogParts } from "./app-parts.ts";
import { absentDeadLetters, absentService } from "./app-roles.ts";
import type { Stages } from "./app-stages.ts";
import type { Config } from "./config/config.ts";
import { lagOf } from "./consumer/lag.ts";
import { createConsumerService } from "./consumer/service.ts";
import { validate } from "./contract/validate.ts";
import { bindService, type ServiceBinding } from "./domain/call.ts";
import type { Slots } from "./domain/slots.ts";
import { uuid7 } from "./domain/uuid7.ts";
import { createAdmission } from "./ingestion/admission.ts";
import { createProducerService } from "./ingestion/producer.ts";
import { createReplay } from "./ingestion/replay.ts";
import { createIngestionService } from "./ingestion/service.ts";
import type { IngestionStats } from "./ingestion/stats.ts";
import { createLiveCursors } from "./query/live-cursor.ts";
import { createPageTokens } from "./query/page-token.ts";
import { createAnalyticsService } from "./query/service.ts";
import { platformFigures } from "./telemetry/figures.ts";
import type { History } from "./telemetry/history.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { createMetricsService } from "./telemetry/service.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import { createVisibility, type Visibility } from "./visibility/visibility.ts";

export interface ServiceParts {
  readonly config: Config;
  readonly startedAtMs: number;
  /** Signs tokens and cursors. */
  readonly secret: Uint8Array;
  readonly access: Access;
  readonly log: LogParts;
  readonly stages: Stages;
  readonly liveSlots: Slots;
  readonly exportSlots: Slots;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
  readonly history: History;
  readonly stats: IngestionStats;
}

const now = Date.now;

/** Those of the process's roles; the others say where they are. */
export function createServices(parts: ServiceParts): ServiceBinding[] {
  const { config, secret, log, stages, liveSlots, metrics, history } = parts;
  const { applied, refresh, deadLetters = absentDeadLetters(config.roles) } = stages;
  const { logId } = log.identity;
  const visibility = createVisibility({ secret, logId, applied, ...(refresh ? { refresh } : {}) });
  return [
    ...ingestServices(parts, visibility),
    consumerService(parts),
    analyticsService(parts, visibility),
    createAdminService({
      keys: parts.access.keys,
      projects: parts.access.projects,
      pages: createPages(secret),
      cursors: createCursors(secret),
      deadLetters,
      replay: createReplay({ log: log.appender, visibility, now }),
      now,
    }),
    bindService(MetricsService, createMetricsService({ metrics, history, now, slots: liveSlots })),
  ];
}

function ingestServices(parts: ServiceParts, visibility: Visibility): ServiceBinding[] {
  const { config, log, metrics, tracing, stats } = parts;
  if (!config.roles.includes("ingest")) {
    return [EventIngestionService, ProducerService].map((service) =>
      absentService(service, "ingest", config.roles),
    );
  }
  const admission = createAdmission({
    log: log.appender,
    visibility,
    metrics,
    stats,
    tracing,
    now,
    validate: (event) => validate(EventSchema, event),
    newId: () => uuid7(now(), randomBytes(10)),
    maxFutureMs: config.maxFuture,
  });
  const { health } = log;
  return [
    createIngestionService({ admission, health }),
    createProducerService({ admission, stats, health, queue: () => queueOf(log.appender) }),
  ];
}

function consumerService({ config, log, stages, startedAtMs }: ServiceParts): ServiceBinding {
  const { consumer, store, progress } = stages;
  const { reader } = log;
  if (consumer === undefined || store === undefined || reader === undefined) {
    return absentService(ConsumerService, "consumer", config.roles);
  }
  return createConsumerService({
    consumer,
    startedAtMs,
    lag: () => lagOf(reader, progress(), now()),
    health: () => [consumer.health(), ...log.health(), ...stages.storeHealth()],
  });
}

function analyticsService(parts: ServiceParts, visibility: Visibility): ServiceBinding {
  const { config, secret, log, stages, metrics, exportSlots } = parts;
  const { store, consumer, live } = stages;
  if (store === undefined || live === undefined) {
    return absentService(AnalyticsService, "analytics", config.roles);
  }
  return createAnalyticsService({
    store,
    visibility,
    pageTokens: createPageTokens(secret),
    exportSlots,
    live,
    cursors: createLiveCursors(secret, log.identity.logId),
    health: () => [...stages.storeHealth(), ...(consumer ? [consumer.health()] : []), live.health()],
    now,
    ...(stages.refuse ? { refuse: stages.refuse } : {}),
    platform: () => platformFigures(metrics),
  });
}
