/**
 * Every setting, declared once (in settings/, by stage): from this list come the flags, the environment variables,
 * `weir serve --help`, and the table of docs/CONFIGURATION.md. A flag wins over its environment variable, which wins over
 * the default.
 */
import { ageSettings } from "./settings/ages.ts";
import { authSettings } from "./settings/auth.ts";
import { clickhouseSettings } from "./settings/clickhouse.ts";
import { kafkaSettings } from "./settings/kafka.ts";
import { keySettings } from "./settings/keys.ts";
import { logSettings } from "./settings/log.ts";
import { placeSettings } from "./settings/places.ts";
import { requestSettings } from "./settings/requests.ts";
import { serverSettings } from "./settings/server.ts";
import { storeSettings } from "./settings/store.ts";
import { tracingSettings } from "./settings/tracing.ts";
import type { Setting } from "./settings/types.ts";

export type { Setting } from "./settings/types.ts";

/** In the order in which they are listed. */
export const settings = {
  ...serverSettings,
  ...placeSettings,
  ...authSettings,
  ...ageSettings,
  ...requestSettings,
  ...keySettings,
  ...logSettings,
  ...kafkaSettings,
  ...storeSettings,
  ...clickhouseSettings,
  ...tracingSettings,
};

export type Settings = typeof settings;

/** Name of a setting's environment variable. */
export function variableOf(s: Pick<Setting<never>, "flag">): string {
  return `WEIR_${s.flag.toUpperCase().replaceAll("-", "_")}`;
}

/** A setting by both its names, for who may have used either: `--data-dir (WEIR_DATA_DIR)`. */
export function nameOf(s: Pick<Setting<never>, "flag">): string {
  return `--${s.flag} (${variableOf(s)})`;
}
