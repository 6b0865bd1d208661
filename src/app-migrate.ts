/** Part of the composition root: the schema of a ClickHouse store, brought to this program's version by a command. */
import { UnreachableError } from "./app-topics.ts";
import { type Config, ConfigError } from "./config/config.ts";
import { nameOf, settings } from "./config/settings.ts";
import { storePlace } from "./config/store-url.ts";
import { maskPassword } from "./domain/secrets.ts";
import { type MigrationResult, migrateClickhouse } from "./store/clickhouse/migrate.ts";
import { StoreStartError } from "./store/store.ts";

export interface MigratedStore extends MigrationResult {
  /** Its URL without a password. */
  readonly place: string;
}

/**
 * Runs the steps of the schema that are missing; makes the database where there is none.
 *
 * @param waitMs how long to wait for ClickHouse
 * @throws ConfigError where the store is none that has a schema, StoreStartError where it is newer than this program,
 * UnreachableError
 */
export async function migrateStore(
  config: Pick<Config, "store" | "clickhousePassword">,
  waitMs: number,
): Promise<MigratedStore> {
  const url = clickhouseOf(config);
  try {
    return { place: maskPassword(url), ...(await migrateClickhouse(url, waitMs)) };
  } catch (error) {
    // What has a cause was said by the server, or by the way there.
    if (!(error instanceof StoreStartError) || error.cause === undefined) throw error;
    throw new UnreachableError(error.message, { cause: error });
  }
}

/** The URL of the store. @throws ConfigError where it is not on ClickHouse */
export function clickhouseOf(config: Pick<Config, "store" | "clickhousePassword">): string {
  const place = storePlace({ ...config, dataDir: "" });
  if (place.kind === "clickhouse") return place.url;
  throw new ConfigError(
    `${nameOf(settings.store)}: it must name a store on ClickHouse: clickhouse://USER@HOST:PORT/DATABASE`,
  );
}
