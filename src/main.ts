import { type App, StoppedError, startApp } from "./app.ts";

import { type Config, ConfigError } from "./config/config.ts";
import type { StrayVariable } from "./config/stray.ts";
import { releaseStartMemory } from "./domain/heap.ts";
import { createLogger, type RootLogger } from "./telemetry/logger.ts";

export { makeStoredKey } from "./app-keys.ts";
export { migrateStore } from "./app-migrate.ts";
export { listOffsets, type PartitionOffsets, restoreOffsets } from "./app-offsets.ts";
export { checkLogTopics, createLogTopics, listLogTopics, UnreachableError } from "./app-topics.ts";

/** How much longer than its own deadline a shutdown may take before the process ends regardless. */
const graceMs = 5000;

/**
 * Runs the server until SIGINT or SIGTERM; a second signal ends the process at once. Answers the exit code: 0 after a
 * clean stop, 1 where the server could not start or stop.
 *
 * @param strays variables that are told of at the start: not refused, since a deployment may have its own
 * @throws ConfigError where a setting cannot be used
 */
export async function runServer(config: Config, strays: readonly StrayVariable[]): Promise<number> {
  const logger = createLogger({ level: config.logLevel });
  for (const stray of strays) {
    const hint = stray.nearest === undefined ? "" : `: is ${stray.nearest} meant?`;
    logger.warn({ ...stray }, `${stray.variable} is no setting and is ignored${hint}`);
  }
  const halt = new AbortController();
  const stopping = Promise.withResolvers<void>();
  const onSignal = (signal: NodeJS.Signals) => {
    if (halt.signal.aborted) process.exit(1);
    logger.info({ signal }, "stopping: calls under way may end");
    limitStop(config.shutdownTimeoutMs + graceMs, logger);
    halt.abort();
    stopping.resolve();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
  // A write beyond a file size limit is an error of that write, not the end of the process.
  process.on("SIGXFSZ", () => {});
  try {
    const app = await startApp(config, logger, halt.signal);
    if (app.open)
      logger.info({ auth: "open" }, "no key is needed: who reaches these addresses can read and write");
    else logger.info({ auth: "required" }, "calls need a key");
    for (const url of app.metricsUrls) logger.info({ url }, "figures are served without a key");
    for (const url of app.urls) logger.info({ url }, "listening");
    await releaseStartMemory();
    await stopping.promise;
    return await stopApp(app, logger);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (error instanceof StoppedError) {
      logger.info({}, "stopped");
      return 0;
    }
    logger.debug({ err: error }, "the server cannot run");
    console.error(`weir serve: ${(error as Error).message}`);
    return 1;
  } finally {
    await logger.flush();
  }
}

/** Ends the process where it has not ended by then. */
function limitStop(timeoutMs: number, logger: RootLogger): void {
  const overdue = setTimeout(() => {
    logger.error({}, "the shutdown takes too long and is cut off; nothing acknowledged is lost");
    void logger.flush().finally(() => process.exit(1));
  }, timeoutMs);
  overdue.unref();
}

/** Answers the exit code. */
async function stopApp(app: App, logger: RootLogger): Promise<number> {
  try {
    await app.stop();
    logger.info({}, "stopped");
    return 0;
  } catch (error) {
    console.error(
      `weir serve: stopped, but not in order; nothing acknowledged is lost: ${(error as Error).message}`,
    );
    return 1;
  }
}
