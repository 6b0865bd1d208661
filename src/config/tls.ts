import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Config } from "./config.ts";
import { ConfigError } from "./error.ts";
import { nameOf, type Setting, settings } from "./settings.ts";

export interface CertificateAndKey {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * The server's certificate and key as they stand in their files; undefined where none are set.
 *
 * @throws ConfigError where one cannot be read or is none, or they do not belong together
 */
export function readTls(config: Config): CertificateAndKey | undefined {
  if (config.tlsCert === "") return undefined;
  return readCertificateAndKey([settings.tlsCert, config.tlsCert], [settings.tlsKey, config.tlsKey]);
}

type FileSetting = readonly [setting: Setting<string>, path: string];

/** @throws ConfigError where one cannot be read or is none, or they do not belong together */
export function readCertificateAndKey(certificate: FileSetting, privateKey: FileSetting): CertificateAndKey {
  const cert = readPem(...certificate, "certificate", (cert) => createSecureContext({ cert }));
  const key = readPem(...privateKey, "private key of that certificate", (key) =>
    createSecureContext({ cert, key }),
  );
  return { cert, key };
}

/**
 * Tries what it reads, since who needs it would tell of it only later, and not by the setting.
 *
 * @throws ConfigError
 */
export function readPem(
  setting: Setting<string>,
  path: string,
  what: string,
  use: (pem: Buffer) => unknown,
): Buffer {
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
