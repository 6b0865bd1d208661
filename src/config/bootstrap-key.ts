import { readFileSync } from "node:fs";
import type { Config } from "./config.ts";
import { ConfigError } from "./error.ts";
import { nameOf, settings, variableOf } from "./settings.ts";

/** Visible ASCII, and too much of it to be guessed. */
const form = /^[!-~]{24,512}$/;

/**
 * The platform key that the operator chose; undefined where none is set.
 *
 * @throws ConfigError where its file cannot be read, or it is none that could keep anybody out
 */
export function readBootstrapKey(config: Config): string | undefined {
  const { bootstrapKey, bootstrapKeyFile } = config;
  if (bootstrapKey === "" && bootstrapKeyFile === "") return undefined;
  const fromFile = bootstrapKeyFile !== "";
  const name = fromFile ? nameOf(settings.bootstrapKeyFile) : variableOf(settings.bootstrapKey);
  const key = fromFile ? read(bootstrapKeyFile) : bootstrapKey;
  if (form.test(key)) return key;
  throw new ConfigError(`${name}: the key must have 24 to 512 visible ASCII characters and no blanks`);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new ConfigError(
      `${nameOf(settings.bootstrapKeyFile)}: no key can be read from ${path}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
