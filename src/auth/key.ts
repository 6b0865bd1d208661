/** An API key as it is stored: never its secret, but the SHA-256 of it. */
import { hash } from "node:crypto";
import { type RateLimits, rateLimitNames } from "../domain/rate-limits.ts";
import { fitsTimestamp } from "../domain/timestamp.ts";
import { readScopeName, type ScopeName } from "./scopes.ts";

export interface ApiKey {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly project: string;
  /** First characters of the secret, by which people tell keys apart; empty where people chose the secret. */
  readonly prefix: string;
  /** SHA-256 of the secret. */
  readonly digest: Uint8Array;
  readonly scopes: readonly ScopeName[];
  /** Origins whose pages, and nobody else, may use the key, as browsers send them; * stands for all. Empty: it is no browser key. */
  readonly origins: readonly string[];
  readonly limits: RateLimits;
  /** Times are milliseconds since 1970. */
  readonly createdMs: number;
  /** When it ends by itself; absent: never. */
  readonly expiresMs?: number;
  /** When it was revoked; absent: it was not. */
  readonly revokedMs?: number;
}

export function hasEnded(
  { revokedMs, expiresMs = Number.POSITIVE_INFINITY }: ApiKey,
  nowMs: number,
): boolean {
  return revokedMs !== undefined || expiresMs <= nowMs;
}

/** When the key ends or has ended, in milliseconds since 1970. */
export function endMsOf({ revokedMs, expiresMs }: ApiKey): number {
  return Math.min(revokedMs ?? Number.POSITIVE_INFINITY, expiresMs ?? Number.POSITIVE_INFINITY);
}

/** What keys are listed by: the newest first. */
export function placeInList({ createdMs, id }: ApiKey): string {
  return `${String(Number.MAX_SAFE_INTEGER - createdMs).padStart(16, "0")} ${id}`;
}

/** By way of a text: as a buffer Node takes eight times as long for it. */
export function digestOf(secret: string): Buffer {
  return Buffer.from(hash("sha256", secret, "binary"), "binary");
}

export function encodeKey(key: ApiKey): Uint8Array {
  return Buffer.from(JSON.stringify({ ...key, digest: Buffer.from(key.digest).toString("base64url") }));
}

/** Undefined where the bytes are no key: a key that cannot be read whole allows nothing. */
export function decodeKey(bytes: Uint8Array): ApiKey | undefined {
  try {
    const { digest, ...rest } = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
    const key = { ...rest, digest: Buffer.from(String(digest), "base64url") } as unknown as ApiKey;
    return isKey(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

function isKey(key: ApiKey): boolean {
  const texts = [key.id, key.name, key.project, key.prefix, ...key.origins];
  const times = [key.createdMs, key.expiresMs ?? 0, key.revokedMs ?? 0];
  const limits = rateLimitNames.map((name) => key.limits[name] ?? 1);
  return (
    key.digest.length === 32 &&
    texts.every((text) => typeof text === "string") &&
    key.project !== "" &&
    key.scopes.every((scope) => readScopeName(scope) !== undefined) &&
    times.every(fitsTimestamp) &&
    limits.every((limit) => Number.isFinite(limit) && limit > 0)
  );
}
