/** docker-compose.yml, read as a file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { repository } from "../process.ts";
import { imageEnvironment } from "./dockerfile.ts";

/** As far as tests look at it. */
export interface Service {
  readonly image: string;
  readonly profiles: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly (string | { readonly type: "tmpfs"; readonly target: string })[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly user?: string;
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const composeText = readFileSync(join(repository, "docker-compose.yml"), "utf8");

/** With its anchors and merges resolved; variables stand in it as they are. */
export const compose = parse(composeText, { merge: true }) as Compose;

/** A variable that Compose puts in: ${NAME}, ${NAME:-default} or ${NAME:?message}. */
const variable = /\$\{(\w+)(?::([-?])([^}]*))?\}/g;

/** The variables that a text takes from .env, and what stands in place of one that is not there. */
export function variablesOf(text: string): { name: string; needed: boolean }[] {
  return [...text.matchAll(variable)].map(([, name, kind]) => ({ name: name!, needed: kind === "?" }));
}

/** The environment of a service's container, which begins with its image's. @throws where a value is needed */
export function environmentOf(
  { environment = {} }: Service,
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  const put = (text: string) =>
    text.replace(variable, (_, name: string, kind: string | undefined, rest = "") => {
      const value = values[name];
      if (value === undefined && kind === "?") throw new Error(`${name}: ${rest}`);
      return value ?? (kind === "-" ? rest : "");
    });
  const own = Object.entries(environment).map(([name, value]) => [name, put(String(value))]);
  return { ...imageEnvironment(), ...Object.fromEntries(own) };
}
