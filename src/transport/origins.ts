/**
 * Which Host and which Origin the port answers to.
 *
 * An open server on loopback answers only requests that were made to it by that name and from there, so that a web
 * page elsewhere cannot reach it through its visitor's browser (DNS rebinding, cross-site requests).
 */

export interface OriginPolicy {
  /** Whether a request with this Host is answered. */
  allowsHost(host: string): boolean;
  /** Whether a request from a page of this origin is answered. */
  allowsOrigin(origin: string): boolean;
  /** Whether a page of this origin may read answers (CORS). */
  sharesWith(origin: string): boolean;
  /**
   * Whether a page of this origin may use a key that has no origins: one that came from this host, or that
   * WEIR_ALLOWED_ORIGINS names.
   */
  trusts(origin: string, host: string): boolean;
}

export interface OriginPolicyOptions {
  /** Whether calls need no key. */
  readonly open: boolean;
  /** Whether every address that is listened on is loopback. */
  readonly loopback: boolean;
  /** Further origins (https://app.example.com) and hosts (app.example.com, app.example.com:8080), in lower case. */
  readonly allowed: readonly string[];
  /** Whether a page of this origin may use some key, which is known only once the key is there. */
  readonly allowedBySomeKey: (origin: string) => boolean;
}

const localHosts = new Set(["localhost", "127.0.0.1", "[::1]"]);

export function createOriginPolicy(options: OriginPolicyOptions): OriginPolicy {
  const { open, loopback, allowed: entries, allowedBySomeKey } = options;
  const origins = new Set(entries.filter((entry) => entry.includes("://")));
  const hosts = new Set([...entries.filter((entry) => !entry.includes("://")), ...[...origins].map(hostOf)]);
  const listedHost = (host: string) =>
    hosts.has(host) || hosts.has(nameOf(host)) || localHosts.has(nameOf(host));
  const listedOrigin = (origin: string) => origins.has(origin) || barelyListed(origin);
  const barelyListed = (origin: string) => {
    const host = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
    if (host === undefined) return false;
    return entries.includes(host) || entries.includes(nameOf(host)) || localHosts.has(nameOf(host));
  };
  const checked = open && (loopback || entries.length > 0);
  const named = (origin: string) => origins.has(origin) || entries.includes(hostOf(origin));
  return {
    allowsHost: (host) => !checked || listedHost(host.toLowerCase()),
    allowsOrigin: (origin) => !checked || listedOrigin(origin.toLowerCase()),
    sharesWith: (origin) => {
      if (open) return !checked || listedOrigin(origin.toLowerCase());
      return named(origin.toLowerCase()) || allowedBySomeKey(origin);
    },
    trusts: (origin, host) =>
      named(origin.toLowerCase()) || hostOf(origin.toLowerCase()) === host.toLowerCase(),
  };
}

/** Host and port of an origin. */
function hostOf(origin: string): string {
  return origin.slice(origin.indexOf("://") + 3);
}

/** A host without its port. */
function nameOf(host: string): string {
  return host.replace(/:\d+$/, "");
}
