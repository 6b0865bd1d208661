/** Part of the composition root: what the metrics read of the parts. */
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import type { LogParts } from "./app-parts.ts";
import type { Stages } from "./app-stages.ts";
import type { Config } from "./config/config.ts";
import { logPlace } from "./config/log-url.ts";
import { storePlace } from "./config/store-url.ts";
import { packageVersion } from "./config/version.ts";
import { durableEnds } from "./consumer/lag.ts";
import type { Slots } from "./domain/slots.ts";
import { watchDisk } from "./telemetry/disk.ts";
import { type Disk, observeParts, type Room } from "./telemetry/gauges.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import type { Transport } from "./transport/server.ts";

export interface ObserveOptions {
  readonly metrics: Metrics;
  readonly config: Config;
  readonly log: LogParts;
  readonly stages: Stages;
  readonly liveSlots: Slots;
  readonly exportSlots: Slots;
  readonly transport: Transport;
}

/** Registers the metrics that the parts are asked for at each scrape. */
export function observe({ metrics, config, log, stages, transport, ...slots }: ObserveOptions): void {
  const { store, consumer, progress, applying } = stages;
  const { reader, appender } = log;
  const stats = (name: string) => Number(store?.stats()[name]);
  const ingests = config.roles.includes("ingest");
  const answers = config.roles.includes("analytics");
  const embedded = logPlace(config).kind === "level";
  const duckdb = store !== undefined && storePlace(config).kind === "duckdb";
  observeParts(metrics, {
    ...(reader ? { lag: { ends: () => durableEnds(reader), positions: progress } } : {}),
    ...(consumer ? { pendingSeconds: consumer.pendingSeconds } : {}),
    ...(applying ? { partitions: () => applying.assignment.partitions().length } : {}),
    ...(applying?.rebalances ? { rebalances: applying.rebalances } : {}),
    ...(store ? { storedEvents: () => stats("rows") } : {}),
    ...(duckdb ? { storeBytes: () => stats("fileBytes") + stats("walBytes") } : {}),
    rooms: {
      calls: transport.room.calls,
      request_memory_bytes: transport.room.requestMemory,
      connections: transport.room.connections,
      live_streams: () => roomOf(slots.liveSlots),
      ...(ingests ? queueRooms(config, () => appender.stats()) : {}),
      ...(answers
        ? {
            questions: () => ({ used: stats("queriesRunning"), limit: config.maxQueries }),
            questions_waiting: () => ({
              used: stats("queriesWaiting"),
              limit: config.maxWaitingQueries,
              refused: stats("queriesRefused"),
            }),
            exports: () => roomOf(slots.exportSlots),
          }
        : {}),
    },
    threads: {
      main: () => performance.eventLoopUtilization().active,
      ...(duckdb ? { store: () => stats("threadActiveMs") } : {}),
    },
    disks: disksOf(config, embedded, duckdb),
    health: stages.health,
    info: {
      version: packageVersion(),
      roles: config.roles.join(","),
      log: embedded ? "level" : "kafka",
      store: duckdb ? "duckdb" : store ? "clickhouse" : "none",
    },
  });
}

/** What waits to be written to the log. */
function queueRooms(
  { queueEvents, queueBytes }: Config,
  stats: () => Readonly<Record<string, unknown>>,
): Record<string, () => Room> {
  const room = (used: string, limit: number, refused: string) => () => {
    const read = stats();
    return { used: Number(read[used]), limit, refused: Number(read[refused]) };
  };
  return {
    log_queue_events: room("queueEvents", queueEvents, "refusedForEvents"),
    log_queue_bytes: room("queueBytes", queueBytes, "refusedForBytes"),
  };
}

function roomOf({ taken, max, refused }: Slots): Room {
  return { used: taken, limit: max, refused };
}

function disksOf(config: Config, embedded: boolean, duckdb: boolean): Record<string, () => Disk> {
  const log = logPlace(config);
  const store = storePlace(config);
  return {
    ...(embedded && log.kind === "level" ? { log: watchDisk(log.folder) } : {}),
    ...(duckdb && store.kind === "duckdb" ? { store: watchDisk(dirname(store.file)) } : {}),
  };
}
