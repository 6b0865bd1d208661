/** Looks through what a program writes for the secrets that it was started with, and for every key of ours. */
import { settings, variableOf } from "../../src/config/settings.ts";

export interface LeakCheck {
  /** Takes what was written next. */
  read(text: string): void;
  /** What was found, by its name alone; undefined where nothing was. */
  readonly leak: string | undefined;
}

/** Shorter ones could stand in a text by chance. */
const fewestCharacters = 7;
/** More than any secret has, so that one is found that is written in two pieces. */
const keptCharacters = 600;
const wholeKey = /weir_[\w-]{43}/;

/** Names and values of what must not be seen. */
function secretsOf(args: readonly string[], env: NodeJS.ProcessEnv): [name: string, value: string][] {
  const variables = [
    ...Object.values(settings)
      .filter(({ secret }) => secret)
      .map(variableOf),
    "WEIR_API_KEY",
  ];
  const store = env.WEIR_STORE ?? "";
  const password = URL.canParse(store) ? decodeURIComponent(new URL(store).password) : "";
  const flag = args.indexOf("--api-key");
  const all: [string, string | undefined][] = [
    ...variables.map((name): [string, string | undefined] => [name, env[name]]),
    ["the password in WEIR_STORE", password],
    ["--api-key", flag < 0 ? undefined : args[flag + 1]],
  ];
  return all.filter((one): one is [string, string] => (one[1] ?? "").length >= fewestCharacters);
}

export function createLeakCheck(args: readonly string[], env: NodeJS.ProcessEnv): LeakCheck {
  const secrets = secretsOf(args, env);
  let leak: string | undefined;
  let before = "";
  return {
    read(text) {
      const all = before + text;
      leak ??= secrets.find(([, value]) => all.includes(value))?.[0];
      if (wholeKey.test(all)) leak ??= "a key";
      before = all.slice(-keptCharacters);
    },
    get leak() {
      return leak;
    },
  };
}
