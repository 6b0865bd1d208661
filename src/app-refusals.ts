/** Part of the composition root: what a log refuses, by the setting that asked for it. */
import { ConfigError } from "./config/error.ts";
import { nameOf, settings } from "./config/settings.ts";
import { PartitionCountError } from "./log/log.ts";

/** @throws ConfigError where the log has another number of partitions than was asked for, else the error itself */
export function refusePartitions(error: unknown): never {
  if (!(error instanceof PartitionCountError)) throw error;
  throw new ConfigError(`${nameOf(settings.partitions)}: ${error.message}`, { cause: error });
}
