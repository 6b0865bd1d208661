/** Scopes that a key can have, by the names that people write. */
import { Scope } from "../contract/options.ts";

export const scopeNames = ["ingest", "query", "admin", "platform"] as const;

export type ScopeName = (typeof scopeNames)[number];

const scopes: Readonly<Record<ScopeName, Scope>> = {
  ingest: Scope.INGEST,
  query: Scope.QUERY,
  admin: Scope.ADMIN,
  platform: Scope.PLATFORM,
};

export function scopeOfName(name: ScopeName): Scope {
  return scopes[name];
}

/** The name of a scope; undefined for those that no key has (OPEN, ANY). */
export function nameOfScope(scope: Scope): ScopeName | undefined {
  return scopeNames.find((name) => scopes[name] === scope);
}

/** Undefined where the text names none. */
export function readScopeName(text: unknown): ScopeName | undefined {
  return scopeNames.find((name) => name === text);
}
