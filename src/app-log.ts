/** Part of the composition root: the log, and the state that is kept with it. */
import { type Config, ConfigError } from "./config/config.ts";
import { nameOf, settings } from "./config/settings.ts";
import { openLevelDatabase } from "./log/level/database.ts";
import { createLevelLog } from "./log/level/level.ts";
import { type EventLog, PartitionCountError } from "./log/log.ts";
import { createLevelState } from "./state/level/level.ts";
import type { StateStore } from "./state/state.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { Metrics } from "./telemetry/metrics.ts";

export interface LogOptions {
  readonly config: Config;
  readonly directory: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Takes what ends each part, in the order in which they are started. */
  readonly stops: (() => Promise<void>)[];
}

/** @throws ConfigError where the log was made with other settings */
export async function openLog(options: LogOptions): Promise<{ log: EventLog; state: StateStore }> {
  const { config, directory, metrics, logger, stops } = options;
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
    now: Date.now,
    onFlush: ({ events, bytes, ms }) => metrics.flush(events, bytes, ms / 1000),
    onWriteFailure: () => metrics.error("", "log", "LOG_UNAVAILABLE"),
  }).catch((error: unknown) => {
    if (!(error instanceof PartitionCountError)) throw error;
    throw new ConfigError(`${nameOf(settings.partitions)}: ${error.message}`, { cause: error });
  });
  stops.push(() => log.close());
  return { log, state: createLevelState(database) };
}

/** What waits to be written. */
export function queueOf(log: EventLog): { events: number; bytes: number } {
  const { queueEvents, queueBytes } = log.stats();
  return { events: Number(queueEvents), bytes: Number(queueBytes) };
}
