/** Every API key of the installation, in memory, following what other processes change. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { invalidField, WeirError } from "../domain/errors.ts";
import { parsePageOrigin } from "../domain/origins.ts";
import type { RateLimits } from "../domain/rate-limits.ts";
import { prefixCharacters, secretStart } from "../domain/secrets.ts";
import { fitsTimestamp } from "../domain/timestamp.ts";
import { uuid7 } from "../domain/uuid7.ts";
import { followState } from "../state/followed.ts";
import type { StateStore } from "../state/state.ts";
import { isBootstrapKey, keepBootstrapKey } from "./bootstrap.ts";
import { type ApiKey, decodeKey, digestOf, encodeKey, endMsOf, hasEnded, placeInList } from "./key.ts";
import type { ScopeName } from "./scopes.ts";

export interface NewKey {
  readonly name: string;
  readonly project: string;
  readonly scopes: readonly ScopeName[];
  readonly origins?: readonly string[];
  readonly limits?: RateLimits;
  readonly expiresMs?: number;
}

export interface Keys {
  /** The key of a secret, ended or not. Of one that is wrong it takes the same time whatever of it is right. */
  find(secret: string): ApiKey | undefined;
  /** The keys of a project, newest first. */
  list(project: string): readonly ApiKey[];
  /** A key of the project, ended or not. */
  get(project: string, id: string): ApiKey | undefined;
  /** Whether a page of this origin may use some key that has not ended. */
  allowsOrigin(origin: string): boolean;
  /** Whether some key can be used at all. */
  readonly any: boolean;
  /**
   * Makes nothing, and throws where `create` would.
   *
   * @throws WeirError INVALID_ARGUMENT for a browser key with other scopes than ingest, an origin that no browser sends,
   * or an end after the year 9999,
   * RESOURCE_EXHAUSTED/TOO_MANY_KEYS
   */
  check(key: NewKey): void;
  /** Makes a key; durable when it resolves. The secret is nowhere else. @throws WeirError as check */
  create(key: NewKey): Promise<{ key: ApiKey; secret: string }>;
  /** Keeps the platform key whose secret the operator chose: another one ends, and one that was revoked stays so. */
  bootstrap(secret: string): Promise<void>;
  /** Ends a key of the project, which nobody can use again. @throws WeirError NOT_FOUND */
  revoke(project: string, id: string): Promise<ApiKey>;
  close(): Promise<void>;
}

export interface KeysOptions {
  readonly state: StateStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly warn: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  /**
   * Keys of one project. Where there are so many, those that ended first make room for new ones, and are unknown from then
   * on; but for those whose secret is a setting, which would live again. Default 1,000.
   */
  readonly maxKeys?: number;
}

export async function openKeys({ state, now, warn, maxKeys = 1000 }: KeysOptions): Promise<Keys> {
  let byDigest = new Map<number, ApiKey>();
  /**
   * Keys of secrets that were found, which come again with every call and are not hashed again until the keys are next read; as
   * many as keys at most. A wrong one is compared with none of them, but where V8 gives both one hash, by a seed that each
   * process draws.
   */
  let bySecret = new Map<string, ApiKey>();
  const followed = await followState<ApiKey>({
    state,
    prefix: "keys/",
    encode: encodeKey,
    decode: decodeKey,
    warn,
    onChange: (entries) => {
      byDigest = new Map([...entries.values()].map((key) => [placeOf(key.digest), key]));
      bySecret = new Map();
    },
  });
  const all = () => [...followed.entries.values()];
  const lives = (key: ApiKey) => !hasEnded(key, now());
  const keysOf = (project: string) => all().filter((key) => key.project === project);
  /** The ended keys that make room for a new one; undefined where there are not enough. */
  const makingRoom = (project: string): readonly ApiKey[] | undefined => {
    const kept = keysOf(project);
    const excess = Math.max(0, kept.length + 1 - maxKeys);
    const ended = kept.filter((key) => !lives(key) && !isBootstrapKey(key));
    return excess > ended.length ? undefined : ended.sort((a, b) => endMsOf(a) - endMsOf(b)).slice(0, excess);
  };
  const getKey = (project: string, id: string): ApiKey | undefined => {
    const key = followed.entries.get(id);
    return key?.project === project ? key : undefined;
  };
  const check = ({ project, scopes, origins = [], expiresMs }: NewKey): void => {
    if (origins.length > 0 && scopes.some((scope) => scope !== "ingest")) {
      throw invalidField(
        "scopes",
        "a key with allowed origins can be read by everybody: INGEST is all it may have",
      );
    }
    for (const [at, origin] of origins.entries()) {
      if (parsePageOrigin(origin) !== undefined) continue;
      const message = "must be an origin as browsers send it, such as https://shop.example, or *";
      throw invalidField(`allowed_origins[${at}]`, message);
    }
    if (expiresMs !== undefined && !fitsTimestamp(expiresMs)) {
      throw invalidField("expire_time", "a key that expires does so by the end of the year 9999");
    }
    if (makingRoom(project) === undefined) {
      throw new WeirError(
        "RESOURCE_EXHAUSTED",
        "TOO_MANY_KEYS",
        `project ${project} has ${maxKeys} keys already, none of which has ended: revoke some`,
      );
    }
  };

  return {
    find(secret) {
      const found = bySecret.get(secret);
      if (found !== undefined) return found;
      const digest = digestOf(secret);
      const key = byDigest.get(placeOf(digest));
      if (key === undefined || !timingSafeEqual(key.digest, digest)) return undefined;
      bySecret.set(secret, key);
      return key;
    },
    list: (project) => keysOf(project).sort((a, b) => (placeInList(a) < placeInList(b) ? -1 : 1)),
    allowsOrigin: (origin) => all().some((key) => lives(key) && allowsPage(key, origin)),
    get any() {
      return all().some(lives);
    },
    get: getKey,
    check,
    async create(request) {
      check(request);
      const { name, project, scopes, origins = [], limits = {}, expiresMs } = request;
      const secret = secretStart + randomBytes(32).toString("base64url");
      const key: ApiKey = {
        id: uuid7(now(), randomBytes(10)),
        name,
        project,
        prefix: secret.slice(0, prefixCharacters),
        digest: digestOf(secret),
        scopes,
        origins: [...new Set(origins.map((origin) => parsePageOrigin(origin)!))],
        limits,
        createdMs: now(),
        ...(expiresMs === undefined ? {} : { expiresMs }),
      };
      for (const { id } of makingRoom(project) ?? []) await followed.remove(id);
      await followed.put(key.id, key);
      return { key, secret };
    },
    bootstrap: (secret) => keepBootstrapKey(followed, secret, now()),
    async revoke(project, id) {
      const key = getKey(project, id);
      if (key === undefined)
        throw new WeirError("NOT_FOUND", "NOT_FOUND", `there is no key ${JSON.stringify(id)}`);
      if (key.revokedMs !== undefined) {
        // Whoever asks again may do so because the first time failed once the key was written.
        await followed.announce();
        return key;
      }
      const revoked = { ...key, revokedMs: now() };
      await followed.put(id, revoked);
      return revoked;
    },
    close: () => followed.close(),
  };
}

/** Where a digest is found; what remains of it is compared in constant time. */
function placeOf(digest: Uint8Array): number {
  const view = new DataView(digest.buffer, digest.byteOffset);
  return view.getUint32(0) * 2 ** 21 + (view.getUint32(4) >>> 11);
}

/** Whether pages of the origin may use the key. */
export function allowsPage(key: ApiKey, origin: string): boolean {
  return key.origins.includes("*") || key.origins.includes(origin.toLowerCase());
}
