/** Which logs and stores go together, and with which roles. */
import { roles } from "../domain/roles.ts";
import type { Config } from "./config.ts";
import { ConfigError } from "./error.ts";
import { checkKafka } from "./kafka.ts";
import { logPlace } from "./log-url.ts";
import { nameOf, settings } from "./settings.ts";
import { storePlace } from "./store-url.ts";

/** @throws ConfigError where log, store and roles do not fit each other */
export function checkPair(config: Config): void {
  const log = logPlace(config);
  const store = storePlace(config);
  if (log.kind === "level") {
    if (store.kind === "clickhouse") {
      throw new ConfigError(
        `${nameOf(settings.store)}: ClickHouse takes a log on Kafka, not one under a folder: set --log kafka://…`,
      );
    }
    if (config.roles.length < roles.length) {
      throw new ConfigError(
        `${nameOf(settings.roles)}: a log under a folder is one process's, which has every role: set --log kafka://…`,
      );
    }
    return;
  }
  checkKafka(config, log);
  if (store.kind === "duckdb" && config.roles.includes("consumer") !== config.roles.includes("analytics")) {
    throw new ConfigError(
      `${nameOf(settings.roles)}: a DuckDB store is one process's, which is both consumer and analytics: name both or ` +
        "neither, or set --store clickhouse://…",
    );
  }
}
