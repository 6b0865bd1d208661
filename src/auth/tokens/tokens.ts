/** JWTs of an identity provider (RFC 7519), as OAuth 2.0 access tokens are: signed by a key of a JWKS. */
import { hash } from "node:crypto";
import { decodeProtectedHeader, type JWTPayload, jwtVerify } from "jose";
import { WeirError } from "../../domain/errors.ts";
import type { Principal } from "../../domain/principal.ts";
import { readScopeName, type ScopeName, scopeOfName } from "../scopes.ts";
import type { KeySet } from "./key-set.ts";
import { refusedToken, tokenRefusal } from "./refusals.ts";

export interface TokensOptions {
  readonly keySet: KeySet;
  readonly issuer: string;
  /** A token must be for one of them. */
  readonly audiences: readonly string[];
  /** Names of the claims that say the project and the scopes. */
  readonly projectClaim: string;
  readonly scopeClaim: string;
  /** By how much the issuer's clock may be off, in milliseconds. */
  readonly skewMs: number;
  readonly projectExists: (id: string) => boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** For how long a token that was verified is taken without being looked at again, in milliseconds. Default 10,000. */
  readonly keptMs?: number;
  /** Tokens that are kept so. Default 10,000. */
  readonly maxKept?: number;
}

/** Says whose call it is that brings a token. */
export type Tokens = (token: string) => Principal | Promise<Principal>;

/**
 * Asymmetric ones alone: with a shared secret among them, whoever knows the public key could sign with it (algorithm
 * confusion).
 */
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

export function createTokens(options: TokensOptions): Tokens {
  const { keySet, issuer, audiences, skewMs, now, keptMs = 10_000, maxKept = 10_000 } = options;
  /** By the token's hash, the oldest first. */
  const kept = new Map<string, { readonly principal: Principal; readonly untilMs: number }>();

  async function verify(token: string, place: string): Promise<Principal> {
    try {
      if (isUnsigned(token)) throw refusedToken("TOKEN_UNSIGNED", "the token is not signed");
      const { payload } = await jwtVerify(token, keySet, {
        algorithms,
        issuer,
        audience: [...audiences],
        clockTolerance: skewMs / 1000,
        currentDate: new Date(now()),
        requiredClaims: ["exp"],
      });
      const principal = principalOf(payload, options);
      if (kept.size >= maxKept) kept.delete(kept.keys().next().value!);
      kept.set(place, { principal, untilMs: Math.min(now() + keptMs, principal.expiresMs!) });
      return principal;
    } catch (error) {
      throw tokenRefusal(error);
    }
  }

  return (token) => {
    if (token.length > maxCharacters) throw refusedToken("TOKEN_MALFORMED", "the token is too long");
    const place = hash("sha256", token, "base64url");
    const known = kept.get(place);
    if (known !== undefined && now() < known.untilMs) return known.principal;
    kept.delete(place);
    return verify(token, place);
  };
}

/** Longer ones are no tokens, and are not hashed. */
const maxCharacters = 16_384;

/** Whether a secret is meant for a token and not for a key. Encrypted tokens have five parts, and are not taken. */
export function looksLikeToken(secret: string): boolean {
  return /^[\w-]+(\.[\w-]*){2,}$/.test(secret);
}

function isUnsigned(token: string): boolean {
  try {
    return String(decodeProtectedHeader(token).alg).toLowerCase() === "none";
  } catch {
    return false;
  }
}

/** @throws WeirError TOKEN_CLAIMS or UNKNOWN_PROJECT */
function principalOf(payload: JWTPayload, options: TokensOptions): Principal {
  const { projectClaim, scopeClaim, projectExists, skewMs } = options;
  const project = payload[projectClaim];
  if (typeof project !== "string" || project === "") {
    throw refusedToken("TOKEN_CLAIMS", `the token's claim ${projectClaim} names no project`);
  }
  if (!projectExists(project)) {
    throw new WeirError("PERMISSION_DENIED", "UNKNOWN_PROJECT", "the token's project does not exist here");
  }
  const scopes = new Set(scopesOf(payload[scopeClaim]).map(scopeOfName));
  const subject = typeof payload.sub === "string" ? payload.sub : undefined;
  // Two projects' subjects of one name are not the same caller. Of fixed length, however long the names are.
  const account = hash("sha256", JSON.stringify([project, payload.iss, subject]), "base64url");
  const expiresMs = payload.exp! * 1000 + skewMs;
  return {
    project,
    scopes,
    keyId: `token ${subject?.slice(0, 256) ?? ""}`.trimEnd(),
    account,
    limits: {},
    expiresMs,
  };
}

/** Of a text with blanks between them, or of a list; words that are no scopes of ours are passed over. */
function scopesOf(claim: unknown): ScopeName[] {
  const words = typeof claim === "string" ? claim.split(" ") : Array.isArray(claim) ? claim : [];
  return words.map(readScopeName).filter((name) => name !== undefined);
}
