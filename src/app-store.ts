/** Part of the composition root: the store of the setting's kind, and how far the log is applied to it. */
import type { StoreOptions, StoreParts } from "./app-parts.ts";
import { openClickhouse } from "./app-store-clickhouse.ts";
import { openEmbedded } from "./app-store-duckdb.ts";
import { ConfigError } from "./config/error.ts";
import { nameOf, settings } from "./config/settings.ts";
import { storePlace } from "./config/store-url.ts";

/**
 * Opens the store and makes sure that it fits the log.
 *
 * @throws PositionsError, StoreStartError, ConfigError
 */
export function openStore(options: StoreOptions): Promise<StoreParts> {
  const place = storePlace(options.config);
  const { kafka } = options.log;
  if (kafka === undefined) return openEmbedded(options);
  if (place.kind === "clickhouse") return openClickhouse({ ...options, kafka, url: place.url });
  throw new ConfigError(`${nameOf(settings.store)}: DuckDB with a log on Kafka is not served yet`);
}
