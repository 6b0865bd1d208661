/** The public keys that tokens are signed by: a JWKS at a URL or in a file, followed as it changes. */
import { readFileSync, statSync } from "node:fs";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  type LocalJWKSet,
  type RemoteJWKSet,
} from "jose";
import { WeirError } from "../../domain/errors.ts";

/** Answers the key that a token names. Throws errors of jose, and of the fetch. */
export type KeySet = JWTVerifyGetKey;

export interface KeySetOptions {
  /** URL or path of a JWKS (RFC 7517). */
  readonly location: string;
  readonly warn: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  /** Of a URL: how long an answer may take, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
  /**
   * Of a URL: how long after a fetch a token that names a key which is not there causes no other one, in milliseconds: an
   * issuer's new key is known at its first use, and made-up keys cannot flood the issuer. Default 2,000.
   */
  readonly cooldownMs?: number;
  /** Of a URL: how long after a fetch that failed there is no other one, in milliseconds. Default 1,000. */
  readonly failureMs?: number;
  /** Of a URL: callers that wait at once for the keys to be fetched; further ones are refused. Default 256. */
  readonly maxWaiting?: number;
  /** Of a URL: the age at which the keys are fetched anew, so that one that was withdrawn is gone. Default 300,000. */
  readonly maxAgeMs?: number;
}

/** @throws Error where a file cannot be read or holds no JWKS; a URL is asked only once it is needed */
export function createKeySet(options: KeySetOptions): KeySet {
  const { location, timeoutMs = 5000, cooldownMs = 2000, failureMs = 1000, maxAgeMs = 300_000 } = options;
  const { maxWaiting = 256 } = options;
  if (!isUrl(location)) return fileKeySet(options);
  const keys = createRemoteJWKSet(new URL(location), {
    timeoutDuration: timeoutMs,
    cooldownDuration: cooldownMs,
    cacheMaxAge: maxAgeMs,
    [customFetch]: restingAfterFailure(failureMs),
  });
  return boundedWaiting(keys, maxWaiting);
}

/**
 * Whoever shows a token of a key that is not there waits for a fetch, and nobody knows yet who that is. While too many do,
 * those alone are served whose key is there.
 */
function boundedWaiting(keys: RemoteJWKSet, maxWaiting: number): KeySet {
  let waiting = 0;
  return async (header, token) => {
    if (waiting >= maxWaiting) {
      const known = keys.fresh ? keys.jwks() : undefined;
      const key = known && (await createLocalJWKSet(known)(header, token).catch(() => undefined));
      if (key !== undefined) return key;
      const message = `${maxWaiting} callers wait for the keys of the tokens' issuer`;
      throw new WeirError("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", message, { retryDelayMs: 1000 });
    }
    waiting++;
    try {
      return await keys(header, token);
    } finally {
      waiting--;
    }
  };
}

/** While the issuer does not answer, each token would have it asked again. */
function restingAfterFailure(failureMs: number): FetchImplementation {
  let failedMs = Number.NEGATIVE_INFINITY;
  return async (url, options) => {
    if (performance.now() - failedMs < failureMs) throw new Error("the keys could not be fetched just now");
    let answered = false;
    try {
      const response = await fetch(url, options);
      answered = response.status === 200;
      return response;
    } finally {
      if (!answered) failedMs = performance.now();
    }
  };
}

export function isUrl(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

/** Reads the file again whenever it has changed; one that cannot be read then leaves the keys as they were. */
function fileKeySet({ location, warn }: KeySetOptions): KeySet {
  let { keys, stamp } = read(location);
  return (header, token) => {
    try {
      if (stampOf(location) !== stamp) ({ keys, stamp } = read(location));
    } catch (err) {
      warn({ err, file: location }, "the keys of tokens cannot be read anew, and stay as they were");
    }
    return keys(header, token);
  };
}

function read(file: string): { keys: LocalJWKSet; stamp: string } {
  const stamp = stampOf(file);
  const set = JSON.parse(readFileSync(file, "utf8")) as JSONWebKeySet;
  const keys = createLocalJWKSet(set);
  const secret = set.keys.findIndex((key) => key.d !== undefined);
  if (secret >= 0)
    throw new Error(`keys[${secret}] is a private key, of which the public part alone is needed`);
  return { keys, stamp };
}

function stampOf(file: string): string {
  const { mtimeMs, size, ino } = statSync(file);
  return `${mtimeMs} ${size} ${ino}`;
}
