import { parseArgs } from "node:util";
import { parseAddress } from "../domain/address.ts";

export { parseDuration } from "../domain/duration.ts";
export { parsePageOrigin } from "../domain/origins.ts";
export { isProjectId, projectIdRule } from "../domain/project-id.ts";
export { ConfigError } from "./error.ts";

import { ConfigError } from "./error.ts";
import { checkPair } from "./pair.ts";
import { type Setting, type Settings, settings, variableOf } from "./settings.ts";

/** Every setting's value, by the names of settings.ts. */
export type Config = { readonly [K in keyof Settings]: Settings[K] extends Setting<infer T> ? T : never };

/** What a setting's name stands for. */
export type SettingName = keyof Settings;

const allNames = Object.keys(settings) as SettingName[];

/**
 * Reads the settings.
 *
 * @throws ConfigError naming the flag or variable, its value (unless secret) and what is allowed
 */
export function readConfig(args: readonly string[], env: NodeJS.ProcessEnv): Config {
  return check(readSettings(args, env, allNames));
}

/**
 * Reads some of the settings, each by itself: whether they fit each other is not looked at.
 *
 * @throws ConfigError as readConfig, also for a flag of another setting
 */
export function readSettings<K extends SettingName>(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  names: readonly K[],
): Pick<Config, K> {
  const flags = readFlags(args, names);
  return Object.fromEntries(names.map((name) => [name, read(settings[name], flags, env)])) as Pick<Config, K>;
}

function read(s: Setting<unknown>, flags: Flags, env: NodeJS.ProcessEnv): unknown {
  const variable = variableOf(s);
  const flag = flags[s.flag];
  const written = flag ?? env[variable];
  if (written === undefined || (written === "" && flag === undefined)) return s.default;
  const where = flag === undefined ? variable : `--${s.flag}`;
  const problem = s.type.problem?.(written, flag !== undefined);
  if (problem !== undefined) throw new ConfigError(`${where}: ${problem}`);
  const value = s.type.parse(written);
  if (value !== undefined) return value;
  throw new ConfigError(
    `${where}: ${s.secret ? "its value" : JSON.stringify(written)} is not a ${s.type.form}`,
  );
}

type Flags = Record<string, string | undefined>;

function readFlags(args: readonly string[], names: readonly SettingName[]): Flags {
  const options: Record<string, { type: "string" }> = {};
  for (const s of names.map((name) => settings[name]) as Setting<unknown>[])
    if (!s.secret) options[s.flag] = { type: "string" };
  // A switch may stand without a value.
  const full = joinNegative(args).map((a) => (a === `--${settings.rebuildStore.flag}` ? `${a}=true` : a));
  try {
    return parseArgs({ args: full, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new ConfigError((error as Error).message.split(/\.\s|\n/)[0]!, { cause: error });
  }
}

/** Puts `--flag -1` as `--flag=-1`, so that the setting says what is wrong with it: parseArgs would ask for that form. */
function joinNegative(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1);
    if (/^-\d/.test(arg) && before !== undefined && /^--[^=]+$/.test(before))
      joined[joined.length - 1] += `=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

function check(config: Config): Config {
  if (config.listen.length === 0) throw new ConfigError("--listen: at least one address is needed");
  for (const address of config.listen) addressOf("--listen", address);
  for (const address of config.metricsListen) addressOf("--metrics-listen", address);
  if ((config.tlsCert === "") !== (config.tlsKey === "")) {
    throw new ConfigError("--tls-cert and --tls-key go together: one of them is missing");
  }
  if (config.tokenSecret !== "" && config.tokenSecret.length < 16) {
    throw new ConfigError("WEIR_TOKEN_SECRET: it must have at least 16 characters");
  }
  if (config.defaultTimeoutMs > config.maxTimeoutMs) {
    throw new ConfigError("--default-timeout must not be greater than --max-timeout");
  }
  if (config.bootstrapKey !== "" && config.bootstrapKeyFile !== "") {
    throw new ConfigError("WEIR_BOOTSTRAP_KEY and --bootstrap-key-file say the same: leave one of them away");
  }
  checkPair(config);
  return config;
}

/** Host and port of an address that a flag gives. @throws ConfigError */
function addressOf(flag: string, address: string): { host: string; port: number } {
  const parsed = parseAddress(address);
  if (parsed) return parsed;
  throw new ConfigError(
    `${flag}: ${JSON.stringify(address)} is not of the form HOST:PORT, such as 127.0.0.1:8080`,
  );
}

/** The settings as text for `--help`: flag, variable, form, default, description. */
export function describeSettings(): {
  flag: string;
  variable: string;
  form: string;
  fallback: string;
  description: string;
}[] {
  return (Object.values(settings) as Setting<unknown>[]).map((s) => ({
    flag: s.secret ? "" : `--${s.flag}`,
    variable: variableOf(s),
    form: s.type.form,
    fallback: s.type.format(s.default),
    description: s.description,
  }));
}
