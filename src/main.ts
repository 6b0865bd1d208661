import { type App, startApp } from "./app.ts";

import { type Config, ConfigError } from "./config/config.ts";
import type { StrayVariable } from "./config/stray.ts";
import { releaseStartMemory } from "./domain/heap.ts";
import { createLogger, type RootLogger } from "./telemetry/logger.ts";

export { makeStoredKey } from "./app-keys.ts";
export { migrateStore } from "./app-migrate.ts";
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
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (++signals > 1) process.exit(1);
    stopped.resolve(signal);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
  // A write beyond a file size limit is an error of that write, not the end of the process.
  process.on("SIGXFSZ", () => {});
  try {
    const app = await startApp(config, logger);
    if (app.open)
      logger.info({ auth: "open" }, "no key is needed: who reaches these addresses can read and write");
    else logger.info({ auth: "required" }, "calls need a key");
    for (const url of app.urls) logger.info({ url }, "listening");
    await releaseStartMemory();
    const signal = await stopped.promise;
    logger.info({ signal }, "stopping: calls under way may end");
    return await stopApp(app, config.shutdownTimeoutMs + graceMs, logger);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    logger.debug({ err: error }, "the server cannot run");
    console.error(`weir serve: ${(error as Error).message}`);
    return 1;
  } finally {
    await logger.flush();
  }
}

/** Answers the exit code. */
async function stopApp(app: App, timeoutMs: number, logger: RootLogger): Promise<number> {
  const overdue = setTimeout(() => {
    logger.error({}, "the shutdown takes too long and is cut off; nothing acknowledged is lost");
    void logger.flush().finally(() => process.exit(1));
  }, timeoutMs);
  try {
    await app.stop();
    logger.info({}, "stopped");
    return 0;
  } catch (error) {
    console.error(
      `weir serve: stopped, but not in order; nothing acknowledged is lost: ${(error as Error).message}`,
    );
    return 1;
  } finally {
    clearTimeout(overdue);
  }
}
