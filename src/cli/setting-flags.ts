/** Flags of commands that are settings of the server's. */
import { type Config, ConfigError, readSettings, type SettingName } from "../config/config.ts";
import { settings, variableOf } from "../config/settings.ts";
import { type Flag, type Flags, type FlagValues, UsageError } from "./command.ts";

/** What says how a log on Kafka is spoken to. */
export const kafkaNames = [
  "log",
  "kafkaCa",
  "kafkaCert",
  "kafkaKey",
  "kafkaSasl",
  "kafkaUsername",
  "kafkaPassword",
] as const satisfies readonly SettingName[];

/**
 * The flags of these settings, as far as they are no secrets.
 *
 * @param when what their summaries begin with, such as for which operand they are
 */
export function settingFlags(names: readonly SettingName[], when = ""): Flags {
  return Object.fromEntries(names.flatMap((name) => (settings[name].secret ? [] : [flagOf(name, when)])));
}

function flagOf(name: SettingName, when: string): [string, Flag] {
  const s = settings[name];
  const description = s.description
    .replace(/\.$/, "")
    .replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase());
  const fallback = s.type.format(s.default as never);
  return [
    s.flag,
    {
      type: "string",
      value: s.flag === "log" || s.flag === "store" ? "URL" : "VALUE",
      summary: when + description,
      ...(fallback === "" ? {} : { default: fallback }),
      env: variableOf(s),
    },
  ];
}

/** The settings that a command's flags and variables say. @throws UsageError */
export function readSettingFlags<K extends SettingName>(
  values: FlagValues,
  names: readonly K[],
  env: NodeJS.ProcessEnv,
): Pick<Config, K> {
  const args = names.flatMap((name) => {
    const s = settings[name];
    const value = values[s.flag];
    // What comes from a variable is read there, where a password is allowed.
    const fromFlag = !s.secret && value !== undefined && value !== env[variableOf(s)];
    return fromFlag ? [`--${s.flag}=${value}`] : [];
  });
  try {
    return readSettings(args, env, names);
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message);
    throw error;
  }
}
