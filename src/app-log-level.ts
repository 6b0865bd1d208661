/** Part of the composition root: the embedded log, in whose database the small state is kept. */
import type { LogOptions, LogParts } from "./app-parts.ts";
import { refusePartitions } from "./app-refusals.ts";
import { makeLogFolder } from "./config/places.ts";
import { openLevelDatabase } from "./log/level/database.ts";
import { createLevelLog } from "./log/level/level.ts";
import { createLevelState } from "./state/level/level.ts";

/** @throws ConfigError where the log was made with other settings */
export async function openLevelLog({ config, metrics, logger, stops }: LogOptions): Promise<LogParts> {
  const database = await openLevelDatabase({
    directory: makeLogFolder(config),
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
  }).catch(refusePartitions);
  stops.push(() => log.close());
  return {
    identity: log,
    appender: log,
    reader: log,
    state: createLevelState(database),
    forgetIds: log.forgetIds,
    trim: log.trim,
    health: () => [log.health()],
  };
}
