import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { type Config, ConfigError } from "./config.ts";
import { nameOf, type Setting, settings } from "./settings.ts";

/**
 * Certificate and key as they stand in their files; undefined where none are set.
 *
 * @throws ConfigError where one cannot be read or is none, or they do not belong together
 */
export function readTls(config: Config): { readonly cert: Buffer; readonly key: Buffer } | undefined {
  if (config.tlsCert === "") return undefined;
  const cert = read(settings.tlsCert, config.tlsCert, "certificate", (cert) => createSecureContext({ cert }));
  const key = read(settings.tlsKey, config.tlsKey, "private key of that certificate", (key) =>
    createSecureContext({ cert, key }),
  );
  return { cert, key };
}

/** Tries what it reads, since a listener would tell of it only later, and not by the setting. */
function read(setting: Setting<string>, path: string, what: string, use: (pem: Buffer) => unknown): Buffer {
  try {
    const pem = readFileSync(path);
    use(pem);
    return pem;
  } catch (error) {
    throw new ConfigError(
      `${nameOf(setting)}: no ${what} can be read from ${path}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
