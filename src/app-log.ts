/** Part of the composition root: the log of the setting's kind, and the state that is kept with it. */
import { openKafkaLog } from "./app-log-kafka.ts";
import { openLevelLog } from "./app-log-level.ts";
import type { LogOptions, LogParts } from "./app-parts.ts";
import { logPlace } from "./config/log-url.ts";
import type { LogAppender } from "./log/log.ts";

/** @throws ConfigError where the log was made with other settings, LogStartError where it cannot be used */
export function openLog(options: LogOptions): Promise<LogParts> {
  return logPlace(options.config).kind === "kafka" ? openKafkaLog(options) : openLevelLog(options);
}

/** What waits to be written. */
export function queueOf(log: LogAppender): { events: number; bytes: number } {
  const { queueEvents, queueBytes } = log.stats();
  return { events: Number(queueEvents), bytes: Number(queueBytes) };
}
