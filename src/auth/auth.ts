import type { Scope } from "../contract/options.ts";
import type { WeirError } from "../domain/errors.ts";
import type { EventRate } from "../domain/event-rate.ts";
import type { Principal } from "../domain/principal.ts";

/** What a request shows of its sender. Secrets in it are never logged. */
export interface Credentials {
  /** Value of x-api-key, or of Authorization: Bearer. */
  readonly key?: string;
  /** A browser key, taken as query parameter on the routes that CONTRACT.md names. */
  readonly browserKey?: string;
  /** Of the page that asks. */
  readonly origin?: string;
  /** Whether that page may use a key that has no origins, or a token: the server's own, or one of WEIR_ALLOWED_ORIGINS. */
  readonly trustedPage?: boolean;
}

/** Says who calls. */
export interface Authenticator {
  /** @throws WeirError UNAUTHENTICATED or PERMISSION_DENIED */
  authenticate(credentials: Credentials): Principal | Promise<Principal>;
  /**
   * Why whoever was let in would not be now: the key was revoked, or key or token has ended. For calls that go on.
   * Undefined while nothing has changed.
   */
  refusalOf(principal: Principal): WeirError | undefined;
  /** Whether pages of this origin may ask at all, so that their preflights, which carry no key, are answered. */
  allowsOrigin(origin: string): boolean;
}

/** What a call takes a place of: one among streams, among questions, or none. */
export type CallKind = "call" | "query" | "stream";

/** Bounds what each caller does at a time. */
export interface Rates {
  /**
   * Lets a call in.
   *
   * @param scope that the call needs. The limits of events and bytes are of calls that ingest alone, and the project's limit
   * of requests is of all but those that administer, so that who sends too much can still be set and revoked
   * @throws WeirError RESOURCE_EXHAUSTED with a retry delay: RATE_LIMITED, or TOO_MANY_REQUESTS where all places are taken
   */
  enter(principal: Principal, kind: CallKind, scope: Scope): Meter;
}

/** What one call costs its caller, by the limits that hold at the time. */
export interface Meter {
  /** Counts bytes of the request as they come, and those that they become more by being unpacked. */
  bytes(count: number): void;
  /** Absent: events are not limited, or the call brings none. */
  readonly events?: EventRate;
  /** The call is over. */
  leave(): void;
}
