/** Where keys are required: tells from a request's credentials whose call it is. */
import { type ErrorCode, type ErrorReason, WeirError } from "../domain/errors.ts";
import type { Principal } from "../domain/principal.ts";
import type { Authenticator, Credentials } from "./auth.ts";
import type { ApiKey } from "./key.ts";
import { allowsPage, type Keys } from "./keys.ts";
import { scopeOfName } from "./scopes.ts";
import { expiredToken } from "./tokens/refusals.ts";
import { looksLikeToken, type Tokens } from "./tokens/tokens.ts";

export interface KeyAuthenticatorOptions {
  readonly keys: Keys;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Absent: no tokens are taken. */
  readonly tokens?: Tokens;
}

/** Longer ones are no keys, and are not hashed. */
const maxSecretCharacters = 4096;

/**
 * Decides by keys in memory, without waiting: a key's principal is made once, and the keys follow what other processes
 * change.
 */
export function createKeyAuthenticator({ keys, now, tokens }: KeyAuthenticatorOptions): Authenticator {
  const principals = new WeakMap<ApiKey, Principal>();
  const keyOf = new WeakMap<Principal, Pick<ApiKey, "project" | "id">>();

  function principalOf(key: ApiKey): Principal {
    const known = principals.get(key);
    if (known !== undefined) return known;
    const { project, id: keyId, limits } = key;
    const principal = { project, keyId, limits, scopes: new Set(key.scopes.map(scopeOfName)) };
    principals.set(key, principal);
    keyOf.set(principal, { project, id: keyId });
    return principal;
  }

  return {
    authenticate(credentials) {
      const secret = credentials.key ?? credentials.browserKey;
      if (secret === undefined)
        throw refused("NO_KEY", "a key is needed, as x-api-key or Authorization: Bearer");
      const key = secret.length > maxSecretCharacters ? undefined : keys.find(secret);
      if (key === undefined) {
        if (tokens === undefined || credentials.key === undefined || !looksLikeToken(secret))
          throw unknownKey();
        if (isForeign(credentials)) {
          throw refused("KEY_ORIGIN", "tokens are not taken from pages of other sites", "PERMISSION_DENIED");
        }
        return tokens(secret);
      }
      const over = endOf(key, now());
      if (over !== undefined) throw over;
      checkPage(key, credentials);
      return principalOf(key);
    },
    refusalOf(principal) {
      const known = keyOf.get(principal);
      if (known === undefined) {
        const { expiresMs = Number.POSITIVE_INFINITY } = principal;
        return expiresMs <= now() ? expiredToken() : undefined;
      }
      const key = keys.get(known.project, known.id);
      return key === undefined ? unknownKey() : endOf(key, now());
    },
    allowsOrigin: (origin) => keys.allowsOrigin(origin),
  };
}

function unknownKey(): WeirError {
  return refused("UNKNOWN_KEY", "the key is none that is known here");
}

/** Why the key is over; undefined while it is not. */
function endOf({ revokedMs, expiresMs }: ApiKey, nowMs: number): WeirError | undefined {
  if (revokedMs !== undefined) return refused("REVOKED_KEY", "the key is revoked");
  if (expiresMs !== undefined && expiresMs <= nowMs) return refused("EXPIRED_KEY", "the key has expired");
  return undefined;
}

function isForeign({ origin, trustedPage }: Credentials): boolean {
  return origin !== undefined && trustedPage !== true;
}

function checkPage(key: ApiKey, credentials: Credentials): void {
  const { key: header, origin } = credentials;
  if (key.origins.length === 0) {
    if (header === undefined) {
      throw refused(
        "NO_BROWSER_KEY",
        "only a key with allowed origins is taken from the query",
        "PERMISSION_DENIED",
      );
    }
    if (!isForeign(credentials)) return;
    throw refused("KEY_ORIGIN", "the key is for programs, not for pages of other sites", "PERMISSION_DENIED");
  }
  if (origin !== undefined && allowsPage(key, origin)) return;
  const from =
    origin === undefined ? "the request names none" : `not from ${JSON.stringify(origin.slice(0, 256))}`;
  throw refused(
    "KEY_ORIGIN",
    `the key is taken from its allowed origins alone, ${from}`,
    "PERMISSION_DENIED",
  );
}

function refused(reason: ErrorReason, message: string, code: ErrorCode = "UNAUTHENTICATED"): WeirError {
  return new WeirError(code, reason, message);
}
