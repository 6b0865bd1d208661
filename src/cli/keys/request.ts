import { Scope } from "../../../client/node/index.ts";
import { isProjectId, parseDuration, parsePageOrigin, projectIdRule } from "../../config/config.ts";
import { type FlagValues, UsageError } from "../command.ts";
import { type KeyLimits, readLimits } from "./limits.ts";

const scopes = [
  { name: "ingest", scope: Scope.INGEST },
  { name: "query", scope: Scope.QUERY },
  { name: "admin", scope: Scope.ADMIN },
  { name: "platform", scope: Scope.PLATFORM },
] as const;

/** A key as the flags ask for it. */
export interface KeyRequest {
  readonly name: string;
  /** Absent: the project of the caller's own key, whose server is asked. */
  readonly project?: string;
  readonly scopes: readonly (typeof scopes)[number][];
  readonly origins: readonly string[];
  readonly limits: KeyLimits;
  /** Milliseconds since 1970. */
  readonly expiresMs?: number;
}

/** @throws UsageError */
export function readKeyRequest(values: FlagValues, nowMs: number): KeyRequest {
  const { project, expires } = values;
  const lifeMs = expires === undefined ? undefined : parseDuration(String(expires));
  if (expires !== undefined && !(lifeMs !== undefined && lifeMs > 0 && Number.isFinite(lifeMs))) {
    throw new UsageError(`--expires must be a duration such as 90d, not "${expires}"`);
  }
  // A year of no date at all is NaN.
  if (lifeMs !== undefined && !(new Date(nowMs + lifeMs).getUTCFullYear() <= 9999)) {
    throw new UsageError(`--expires must be by the end of the year 9999, which "${expires}" is not`);
  }
  if (project !== undefined && !isProjectId(String(project))) {
    throw new UsageError(`--project ${projectIdRule}`);
  }
  const origins = listGiven(values, "origins").map((text) => {
    const origin = parsePageOrigin(text);
    if (origin !== undefined) return origin;
    throw new UsageError(`--origins: "${text}" is no origin such as https://shop.example`);
  });
  return {
    name: String(values.name),
    ...(project === undefined ? {} : { project: String(project) }),
    scopes: scopesOf(listOf(values.scopes)),
    origins: [...new Set(origins)],
    limits: readLimits(listGiven(values, "limits")),
    ...(lifeMs === undefined ? {} : { expiresMs: nowMs + lifeMs }),
  };
}

function scopesOf(words: readonly string[]): KeyRequest["scopes"] {
  const known = scopes.map(({ name }) => name).join(", ");
  if (words.length === 0) throw new UsageError(`--scopes is needed: one or more of ${known}`);
  return [...new Set(words)].map((word) => {
    const found = scopes.find(({ name }) => name === word);
    if (found === undefined) throw new UsageError(`--scopes: "${word}" is none of ${known}`);
    return found;
  });
}

/**
 * @throws UsageError where the flag stands and lists nothing, as a variable that is not set gives it: it would be a key that
 * may do more than was meant
 */
function listGiven(values: FlagValues, name: "origins" | "limits"): string[] {
  const words = listOf(values[name]);
  if (values[name] !== undefined && words.length === 0)
    throw new UsageError(`--${name} must name some, or be left out`);
  return words;
}

function listOf(value: string | boolean | undefined): string[] {
  return String(value ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
