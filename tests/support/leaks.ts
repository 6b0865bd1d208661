/** Looks through what a program writes for the secrets that it was started with, and for every key and token. */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
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
const keptCharacters = 2000;
const wholeKey = /weir_[\w-]{43}/;
const wholeToken = /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{40,}/;
/** Of all files together, in bytes: more than any but the largest of the tests' logs and stores have. */
const mostBytes = 64 * 1024 ** 2;

/** Names and values of what must not be seen. */
function secretsOf(args: readonly string[], env: NodeJS.ProcessEnv): [name: string, value: string][] {
  const variables = [
    ...Object.values(settings)
      .filter(({ secret }) => secret)
      .map(variableOf),
    "WEIR_API_KEY",
  ];
  const flagged = (flag: string) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const file = flagged("--bootstrap-key-file") ?? env.WEIR_BOOTSTRAP_KEY_FILE;
  // NAME=VALUE, of which the names may be seen.
  const headers = (env.WEIR_OTLP_HEADERS ?? "").split(",").map((pair) => pair.replace(/^[^=]*=/, "").trim());
  const all: [string, string | undefined][] = [
    ...variables.map((name): [string, string | undefined] => [name, env[name]]),
    ...headers.map((value): [string, string] => ["WEIR_OTLP_HEADERS", value]),
    ["the password in WEIR_STORE", passwordIn(env.WEIR_STORE)],
    ["the password in --store", passwordIn(flagged("--store"))],
    ["--api-key", flagged("--api-key")],
    ["the bootstrap key's file", file && existsSync(file) ? readFileSync(file, "utf8").trim() : undefined],
  ];
  return all.filter((one): one is [string, string] => (one[1] ?? "").length >= fewestCharacters);
}

function passwordIn(url = ""): string {
  return URL.canParse(url) ? decodeURIComponent(new URL(url).password) : "";
}

/** The ways to write a secret: as it is, as in a URL, and as it comes out in base64 behind any other text. */
function writtenForms(secret: string): Set<string> {
  const inBase64 = [0, 1, 2].map((before) => {
    const text = Buffer.from("x".repeat(before) + secret).toString("base64url");
    // What hangs together with what stands before and behind is left away.
    const first = Math.ceil((before * 8) / 6);
    return text.slice(first, Math.floor(((before + Buffer.byteLength(secret)) * 8) / 6));
  });
  return new Set([secret, encodeURIComponent(secret), ...inBase64]);
}

/** What a program shows of its secrets in the first files of these folders, or in these files; undefined: nothing. */
export async function leakIn(
  paths: readonly string[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  let left = mostBytes;
  for (const path of paths.filter((one) => existsSync(one))) {
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder ? await readdir(path, { recursive: true }) : [""];
    for (const file of names.map((name) => join(path, name))) {
      const found = await stat(file);
      if (!found.isFile() || left <= 0) continue;
      const check = createLeakCheck(args, env);
      const pieces = createReadStream(file, { encoding: "latin1", end: left });
      left -= found.size;
      for await (const piece of pieces) check.read(piece as string);
      if (check.leak !== undefined) return check.leak;
    }
  }
  return undefined;
}

export function createLeakCheck(args: readonly string[], env: NodeJS.ProcessEnv): LeakCheck {
  const secrets = secretsOf(args, env).map(([name, value]) => [name, [...writtenForms(value)]] as const);
  let leak: string | undefined;
  let before = "";
  return {
    read(text) {
      const all = before + text;
      leak ??= secrets.find(([, forms]) => forms.some((form) => all.includes(form)))?.[0];
      if (wholeKey.test(all)) leak ??= "a key";
      if (wholeToken.test(all)) leak ??= "a token";
      before = all.slice(-keptCharacters);
    },
    get leak() {
      return leak;
    },
  };
}
