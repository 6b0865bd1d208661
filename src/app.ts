/** Composition root: builds every stage, starts and stops them in order. The only place that knows implementations. */
import { randomBytes } from "node:crypto";
import { EventSchema } from "../gen/analytics/v1/event_pb.js";
import { MetricsService } from "../gen/analytics/v1/metrics_pb.js";
import { createOpenAuthenticator } from "./auth/open.ts";
import { type Config, ConfigError } from "./config/config.ts";
import { makePlaces } from "./config/places.ts";
import { nameOf, settings } from "./config/settings.ts";
import { readTls } from "./config/tls.ts";
import { packageVersion } from "./config/version.ts";
import { type Consumer, createConsumer } from "./consumer/consumer.ts";
import { createConsumerService } from "./consumer/service.ts";
import { checkPositions } from "./consumer/start-check.ts";
import { createUpkeep } from "./consumer/upkeep.ts";
import { validate } from "./contract/validate.ts";
import { bindService, type ServiceBinding } from "./domain/call.ts";
import { createSlots } from "./domain/slots.ts";
import { uuid7 } from "./domain/uuid7.ts";
import { createAdmission } from "./ingestion/admission.ts";
import { createProducerService } from "./ingestion/producer.ts";
import { createIngestionService } from "./ingestion/service.ts";
import { createIngestionStats, type IngestionStats } from "./ingestion/stats.ts";
import { createLiveHub } from "./live/hub.ts";
import { openLevelDatabase } from "./log/level/database.ts";
import { createLevelLog } from "./log/level/level.ts";
import { type EventLog, PartitionCountError } from "./log/log.ts";
import { withCache } from "./query/cache.ts";
import { createLiveCursors } from "./query/live-cursor.ts";
import { createPageTokens } from "./query/page-token.ts";
import { createAnalyticsService } from "./query/service.ts";
import { createLevelState } from "./state/level/level.ts";
import type { StateStore } from "./state/state.ts";
import { createDuckdbStore } from "./store/duckdb/store.ts";
import type { EventStore } from "./store/store.ts";
import { platformFigures } from "./telemetry/figures.ts";
import { createHistory } from "./telemetry/history.ts";
import type { Logger } from "./telemetry/logger.ts";
import { createMetrics, type Metrics, stageGauges } from "./telemetry/metrics.ts";
import { createMetricsService } from "./telemetry/service.ts";
import type { CallRecord } from "./transport/log.ts";
import { createTransport } from "./transport/server.ts";
import { createVisibility } from "./visibility/visibility.ts";

export interface App {
  /** The addresses served, as URLs. */
  readonly urls: readonly string[];
  /**
   * Stops taking calls, lets those under way end, writes what is queued, closes everything in reverse order.
   *
   * @throws the first failure to close a part, once all the others are closed
   */
  stop(): Promise<void>;
}

const now = Date.now;

/**
 * Builds and starts everything. Where a step fails, what was started before is stopped again.
 *
 * @throws ConfigError where a setting cannot be used, else Error with one line for the operator
 */
export async function startApp(config: Config, logger: Logger): Promise<App> {
  const startedAtMs = now();
  /** What ends each part, in the order in which they were started. */
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    const failures: unknown[] = [];
    for (const end of stops.splice(0).reverse()) {
      // What cannot be closed, such as a store on a full disk, must not keep the log from being closed.
      try {
        await end();
      } catch (error) {
        logger.error({ err: error }, "a part could not be closed");
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  try {
    const tls = readTls(config);
    const { logFolder, storeFile } = makePlaces(config);
    const metrics = createMetrics({ startedAtMs, now });
    const { log, state } = await openLog(config, logFolder, metrics, logger, stops);
    const store = await createDuckdbStore({
      path: storeFile,
      memoryLimit: `${config.storeMemoryBytes}B`,
      threads: config.storeThreads,
      maxQueries: config.maxQueries,
      maxWaitingQueries: config.maxWaitingQueries,
      warn: (message) => logger.warn({ stage: "store" }, message),
    });
    stops.push(() => store.close());
    await checkPositions(log, store, config.rebuildStore);

    const consumer = createConsumer({
      log,
      store,
      metrics,
      logger: logger.child({ stage: "consumer" }),
      now,
    });
    consumer.start();
    stops.push(() => consumer.stop());

    const ages = { rows: config.retention, ids: config.dedupWindow, log: config.logRetention };
    const upkeep = createUpkeep({ log, store, ages, logger: logger.child({ stage: "upkeep" }), now });
    upkeep.start();
    stops.push(() => upkeep.stop());

    observe(metrics, log, store, consumer);
    const history = createHistory({ metrics, now });
    history.start();
    stops.push(() => history.close());

    const liveSlots = createSlots(config.maxLiveStreams, "places for live streams");
    const live = createLiveHub({
      log,
      now,
      slots: liveSlots,
      logRetentionMs: config.logRetention,
      dedupWindowMs: config.dedupWindow,
      onError: (error) =>
        logger.error({ err: error, stage: "live" }, "the log cannot be read for live streams"),
    });
    stops.push(() => live.close());

    const health = () => [log.health(), store.health(), consumer.health(), live.health()];
    const stats = createIngestionStats(now);
    const answers = withCache(store, { maxBytes: config.queryCacheBytes });
    const secret = await tokenSecret(config, state);
    const visibility = createVisibility({ secret, logId: log.logId, applied: consumer });
    const services: ServiceBinding[] = [
      ...ingestionServices({ config, log, visibility, metrics, stats }),
      createConsumerService({
        consumer,
        startedAtMs,
        health: () => [consumer.health(), log.health(), store.health()],
      }),
      createAnalyticsService({
        store: answers,
        visibility,
        pageTokens: createPageTokens(secret),
        live,
        cursors: createLiveCursors(secret, log.logId),
        health: () => [store.health(), consumer.health(), live.health()],
        now,
        platform: () => platformFigures(metrics),
      }),
      bindService(MetricsService, createMetricsService({ metrics, history, now, slots: liveSlots })),
    ];
    let ready = false;
    const transport = await createTransport({
      listen: config.listen,
      metricsListen: config.metricsListen,
      ...(tls ? { tls } : {}),
      services,
      authenticator: createOpenAuthenticator(),
      open: true,
      allowedOrigins: config.allowedOrigins,
      limits: config,
      log: logger.child({ stage: "transport" }),
      observe: (call) => observeCall(call, metrics, stats),
      underWay: (change) => (change > 0 ? metrics.rpcStarted() : metrics.rpcEnded()),
      pages: {
        version: packageVersion(),
        ready: () => ready,
        health,
        stats: () => ({
          producer: { ...stats.read(), log: log.stats() },
          consumer: { ...consumer.stats(), store: answers.stats() },
          live: live.stats(),
        }),
        lag: async () => ({ partitions: await consumer.lag() }),
        metrics: async () => ({ contentType: metrics.registry.contentType, body: await metrics.text() }),
      },
    });
    stops.push(() => transport.close(config.shutdownTimeoutMs));
    const urls = (await transport.start().catch(refuseAddress)).map(
      (address) => `${tls ? "https" : "http"}://${address}`,
    );
    ready = true;
    return {
      urls,
      stop: () => {
        ready = false;
        return stop();
      },
    };
  } catch (error) {
    // Why the start failed is what the operator is told; the log lines have the rest.
    await stop().catch(() => {});
    throw error;
  }
}

async function openLog(
  config: Config,
  directory: string,
  metrics: Metrics,
  logger: Logger,
  stops: (() => Promise<void>)[],
): Promise<{ log: EventLog; state: StateStore }> {
  const database = await openLevelDatabase({
    directory,
    writeBufferBytes: config.logWriteBufferBytes,
    cacheBytes: config.logCacheBytes,
    onFailure: (error) => logger.error({ err: error }, "the log could not be written and is opened again"),
    onReopen: (ms) => logger.info({ ms }, "the log is open again"),
  });
  stops.push(() => database.close());
  const log = await createLevelLog({
    database,
    partitions: config.partitions,
    dedupWindowMs: config.dedupWindow,
    maxQueueEvents: config.queueEvents,
    maxQueueBytes: config.queueBytes,
    now,
    onFlush: ({ events, bytes, ms }) => metrics.flush(events, bytes, ms / 1000),
    onWriteFailure: () => metrics.error("", "log", "LOG_UNAVAILABLE"),
  }).catch((error: unknown) => {
    if (!(error instanceof PartitionCountError)) throw error;
    throw new ConfigError(`${nameOf(settings.partitions)}: ${error.message}`, { cause: error });
  });
  stops.push(() => log.close());
  return { log, state: createLevelState(database) };
}

/** A taken port may be free again later; an address that this machine does not have, or may not use, is a mistake. */
function refuseAddress(error: NodeJS.ErrnoException): never {
  if (!["EADDRNOTAVAIL", "EACCES", "ENOTFOUND"].includes(error.code ?? "")) throw error;
  const names = [settings.listen, settings.metricsListen].map(nameOf);
  throw new ConfigError(`${names.join(" or ")}: ${error.message}`, { cause: error });
}

function ingestionServices(parts: {
  readonly config: Config;
  readonly log: EventLog;
  readonly visibility: ReturnType<typeof createVisibility>;
  readonly metrics: Metrics;
  readonly stats: IngestionStats;
}): ServiceBinding[] {
  const { config, log, visibility, metrics, stats } = parts;
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
  ];
}

/** Gauges of the stages, read at each scrape. */
function observe(metrics: Metrics, log: EventLog, store: EventStore, consumer: Consumer): void {
  metrics.observe(...stageGauges.queueEvents, () => queueOf(log).events);
  metrics.observe(...stageGauges.queueBytes, () => queueOf(log).bytes);
  metrics.observe(...stageGauges.lagSeconds, () => consumer.pendingSeconds());
  metrics.observe(...stageGauges.storedEvents, () => Number(store.stats().rows));
  metrics.observe(...stageGauges.lagEvents, () => {
    const positions = consumer.positions();
    return log
      .ends()
      .map((end, partition) => ({ labels: { partition }, value: end - (positions[partition] ?? 0) }));
  });
}

function queueOf(log: EventLog): { events: number; bytes: number } {
  const { queueEvents, queueBytes } = log.stats();
  return { events: Number(queueEvents), bytes: Number(queueBytes) };
}

/** The setting's secret, or one that is made once and kept with the log. */
async function tokenSecret(config: Config, state: StateStore): Promise<Uint8Array> {
  if (config.tokenSecret !== "") return Buffer.from(config.tokenSecret);
  const kept = await state.get("secret/token");
  if (kept) return kept;
  const made = randomBytes(32);
  await state.put("secret/token", made);
  return made;
}

/** One answered request, as metrics and figures count it. */
function observeCall(call: CallRecord, metrics: Metrics, stats: IngestionStats): void {
  const seconds = call.durationMs / 1000;
  metrics.rpc(call.method, call.protocol, call.code, seconds, call.stream);
  if (queryMethod.test(call.method) && !call.stream) metrics.processing("query", seconds);
  if (call.reason === undefined) return;
  metrics.error(call.project ?? "", "transport", call.reason);
  // Rejected events were counted at admission, one by one.
  if (ingestionMethod.test(call.method) && call.reason !== "INVALID_EVENT") stats.failed(call.reason, 1);
}

const queryMethod = /^analytics\.v1\.AnalyticsService\//;
const ingestionMethod = /^analytics\.v1\.(EventIngestionService|ProducerService)\//;
