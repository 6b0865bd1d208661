import { isLoopback } from "../domain/address.ts";
import type { Config } from "./config.ts";
import { ConfigError } from "./error.ts";
import { nameOf, settings } from "./settings.ts";

/** Refuses settings of tokens that do not fit each other. @throws ConfigError */
export function checkTokens(config: Config): void {
  const { jwtKeys, jwtIssuer, jwtAudience } = config;
  if (jwtKeys === "" && jwtIssuer === "" && jwtAudience.length === 0) return;
  for (const [setting, missing] of [
    [settings.jwtKeys, jwtKeys === ""],
    [settings.jwtIssuer, jwtIssuer === ""],
    [settings.jwtAudience, jwtAudience.length === 0],
  ] as const) {
    if (missing) throw new ConfigError(`${nameOf(setting)}: needed where tokens are taken`);
  }
  if (!/^http:\/\//i.test(jwtKeys)) return;
  const host = URL.canParse(jwtKeys) ? new URL(jwtKeys).hostname.replace(/^\[|\]$/g, "") : "";
  if (!isLoopback(host)) {
    throw new ConfigError(
      `${nameOf(settings.jwtKeys)}: keys that come in the clear could be anybody's: use https`,
    );
  }
}
