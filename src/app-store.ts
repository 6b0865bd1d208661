/** Part of the composition root: the store of the setting's kind, and how far the log is applied to it. */
import type { StoreOptions, StoreParts } from "./app-parts.ts";
import { openClickhouse } from "./app-store-clickhouse.ts";
import { openEmbedded, openOnKafka } from "./app-store-duckdb.ts";
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
  return openOnKafka({ ...options, kafka });
}
