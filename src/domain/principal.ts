import { Scope } from "../../gen/analytics/v1/options_pb.js";
import type { RateLimits } from "./rate-limits.ts";

/** Who calls: the result of authentication. */
export interface Principal {
  /** The project that every event, row, query and token of the call belongs to. */
  readonly project: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Id of the key that was used; absent in open mode. */
  readonly keyId?: string;
  /** What the key may do at a time, besides what its project may; absent: the server's defaults. */
  readonly limits?: RateLimits;
  /** When the token ends that was used, in milliseconds since 1970; absent for keys. */
  readonly expiresMs?: number;
}

export const allScopes: ReadonlySet<Scope> = new Set([
  Scope.INGEST,
  Scope.QUERY,
  Scope.ADMIN,
  Scope.PLATFORM,
]);

/** The project of every call where the server runs open. */
export const defaultProject = "default";
