/** What keys and projects may do at a time: rates by token buckets, and places for streams and questions. */
import { Scope } from "../contract/options.ts";
import { WeirError } from "../domain/errors.ts";
import type { Principal } from "../domain/principal.ts";
import type { RateLimits } from "../domain/rate-limits.ts";
import type { CallKind, Meter, Rates } from "./auth.ts";
import { type Bucket, createBucket } from "./bucket.ts";

export interface RatesOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** What each key may do; its own limits count where they are lower. */
  readonly perKey: RateLimits;
  /** What all keys of a project together may do; undefined: anything. */
  readonly ofProject: (project: string) => RateLimits | undefined;
  /** For how long a rate's unused part is saved up, in milliseconds. */
  readonly burstMs: number;
  /** Callers that are remembered before those are forgotten who owe nothing. Default 10,000. */
  readonly maxRemembered?: number;
}

const rates = ["requestsPerSecond", "eventsPerSecond", "bytesPerSecond"] as const;
type Rate = (typeof rates)[number];

const units: Record<Rate, string> = {
  requestsPerSecond: "requests",
  eventsPerSecond: "events",
  bytesPerSecond: "bytes",
};

/** What a key or a project has taken. */
interface Account {
  readonly who: string;
  limits: RateLimits;
  readonly buckets: Record<Rate, Bucket>;
  streams: number;
  queries: number;
}

/** What a caller who finds no place waits. */
const placeDelayMs = 1000;

export function createRates(options: RatesOptions): Rates {
  const { now, perKey, ofProject, burstMs, maxRemembered = 10_000 } = options;
  const ofKeys = new Map<string, Account>();
  const ofProjects = new Map<string, Account>();
  const lowered = new WeakMap<RateLimits, KeyLimits>();
  const unstated: RateLimits = {};

  function accountOf(accounts: Map<string, Account>, id: string, who: string, limits: RateLimits): Account {
    let account = accounts.get(id);
    if (account === undefined) {
      if (accounts.size >= maxRemembered) forget(accounts, now());
      account = { who, limits, buckets: newBuckets(burstMs), streams: 0, queries: 0 };
      accounts.set(id, account);
    }
    account.limits = limits;
    return account;
  }

  function limitsOfKey({ limits: own = unstated }: Principal): KeyLimits {
    let known = lowered.get(own);
    if (known === undefined) {
      const limits = lowerOf(own, perKey);
      known = { limits: Object.keys(limits).length === 0 ? undefined : limits, rated: hasRate(limits) };
      lowered.set(own, known);
    }
    return known;
  }

  function isRated(principal: Principal): boolean {
    const ofAll = ofProject(principal.project);
    return (ofAll !== undefined && hasRate(ofAll)) || limitsOfKey(principal).rated;
  }

  function accountsOf(principal: Principal): Accounts {
    const { keyId, account = keyId, project } = principal;
    const ofAll = ofProject(project);
    const own = account === undefined ? undefined : limitsOfKey(principal).limits;
    return {
      shared: ofAll && accountOf(ofProjects, project, "the project", ofAll),
      own: own && accountOf(ofKeys, account!, "the key", own),
    };
  }

  return {
    enter(principal, kind, scope) {
      // Most calls are such, and they come by the thousand.
      if (kind === "call" && !isRated(principal)) return unlimited;
      const ingests = scope === Scope.INGEST;
      const { shared, own } = accountsOf(principal);
      const found = present(shared, own);
      const accounts = () => {
        const asOfNow = accountsOf(principal);
        return present(asOfNow.shared, asOfNow.own);
      };
      if (found.length === 0) {
        // A stream lasts, and may be limited later.
        return ingests && kind === "stream" ? meterOf(accounts, now, () => {}) : unlimited;
      }
      const nowMs = now();
      // Else a loud key would keep those out who lift the limit or revoke it.
      const rated = administers(scope) ? present(own) : found;
      for (const account of rated) checkRates(account, ingests ? rates : requestsAlone, nowMs);
      for (const account of found) checkPlaces(account, kind);
      for (const account of rated) charge(account, "requestsPerSecond", 1, nowMs);
      for (const account of found) {
        if (kind !== "call") account[places[kind]]++;
      }
      const leave = leaving(found, kind);
      return ingests ? meterOf(accounts, now, leave) : { bytes: () => {}, leave };
    },
  };
}

/** A key's limits, as they are below the server's. */
interface KeyLimits {
  /** Undefined where nothing is limited. */
  readonly limits: RateLimits | undefined;
  readonly rated: boolean;
}

/** Those of a caller; absent: not limited. */
interface Accounts {
  readonly shared: Account | undefined;
  readonly own: Account | undefined;
}

function present(...accounts: readonly (Account | undefined)[]): readonly Account[] {
  return accounts.filter((account) => account !== undefined);
}

const administers = (scope: Scope) => scope === Scope.ADMIN || scope === Scope.PLATFORM;

const places = { stream: "streams", query: "queries" } as const;

const requestsAlone = ["requestsPerSecond"] as const;
const eventsAndBytes = ["eventsPerSecond", "bytesPerSecond"] as const;

/** @param accounts are asked for each time, so that limits that are set or lifted reach calls under way */
function meterOf(accounts: () => readonly Account[], now: () => number, leave: () => void): Meter {
  return {
    bytes(count) {
      for (const account of accounts()) charge(account, "bytesPerSecond", count, now());
    },
    events: {
      take(count) {
        const nowMs = now();
        const all = accounts();
        for (const account of all) checkRates(account, ["eventsPerSecond"], nowMs);
        for (const account of all) charge(account, "eventsPerSecond", count, nowMs);
      },
      delayMs: () => Math.max(0, ...accounts().map((account) => delayOf(account, eventsAndBytes, now()))),
    },
    leave,
  };
}

/** Gives the place back, once, to those of whom it was taken. */
function leaving(accounts: readonly Account[], kind: CallKind): () => void {
  let over = false;
  return () => {
    if (!over && kind !== "call") for (const account of accounts) account[places[kind]]--;
    over = true;
  };
}

const unlimited: Meter = { bytes: () => {}, leave: () => {} };

/** @throws WeirError RESOURCE_EXHAUSTED/RATE_LIMITED */
function checkRates(account: Account, of: readonly Rate[], nowMs: number): void {
  for (const rate of of) {
    const limit = account.limits[rate];
    if (limit === undefined) continue;
    const retryDelayMs = account.buckets[rate].delayMs(limit, nowMs);
    if (retryDelayMs === 0) continue;
    const message = `${account.who} may send ${limit} ${units[rate]} a second`;
    throw new WeirError("RESOURCE_EXHAUSTED", "RATE_LIMITED", message, { retryDelayMs });
  }
}

/** @throws WeirError RESOURCE_EXHAUSTED/TOO_MANY_REQUESTS */
function checkPlaces({ who, limits, streams, queries }: Account, kind: CallKind): void {
  if (kind === "call") return;
  const [taken, most] = kind === "stream" ? [streams, limits.streams] : [queries, limits.queries];
  if (most === undefined || taken < most) return;
  const what = kind === "stream" ? "streams" : "questions";
  const message = `${who} may have ${most} ${what} under way`;
  throw new WeirError("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", message, { retryDelayMs: placeDelayMs });
}

function delayOf({ limits, buckets }: Account, of: readonly Rate[], nowMs: number): number {
  return Math.max(
    0,
    ...of.map((rate) => (limits[rate] === undefined ? 0 : buckets[rate].delayMs(limits[rate], nowMs))),
  );
}

function charge({ limits, buckets }: Account, rate: Rate, amount: number, nowMs: number): void {
  if (limits[rate] !== undefined) buckets[rate].take(amount, limits[rate], nowMs);
}

function newBuckets(burstMs: number): Record<Rate, Bucket> {
  return {
    requestsPerSecond: createBucket(burstMs),
    eventsPerSecond: createBucket(burstMs),
    bytesPerSecond: createBucket(burstMs),
  };
}

function hasRate(limits: RateLimits): boolean {
  return rates.some((rate) => limits[rate] !== undefined);
}

function lowerOf(own: RateLimits, most: RateLimits): RateLimits {
  const names = [...rates, "streams", "queries"] as const;
  return Object.fromEntries(
    names.flatMap((name) => {
      const limit = Math.min(own[name] ?? Number.POSITIVE_INFINITY, most[name] ?? Number.POSITIVE_INFINITY);
      return Number.isFinite(limit) ? [[name, limit]] : [];
    }),
  );
}

/** Those that owe nothing and have nothing under way are as good as new. */
function forget(accounts: Map<string, Account>, nowMs: number): void {
  for (const [name, { limits: of, buckets, streams, queries }] of accounts) {
    const full = rates.every((rate) => of[rate] === undefined || buckets[rate].isFull(of[rate], nowMs));
    if (full && streams === 0 && queries === 0) accounts.delete(name);
  }
}
