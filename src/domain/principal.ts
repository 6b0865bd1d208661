import { Scope } from "../../gen/analytics/v1/options_pb.js";
import type { RateLimits } from "./rate-limits.ts";

/** Who calls: the result of authentication. */
export interface Principal {
  /** The project that every event, row, query and token of the call belongs to. */
  readonly project: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Id of the key that was used; absent in open mode. */
  readonly keyId?: string;
  /** Of a token: the one subject that its rates are counted for, of all projects and issuers; of a key its id is that. */
  readonly account?: string;
  /** What the key may do at a time, besides what its project may; absent: the server's defaults. */
  readonly limits?: RateLimits;
  /** When the token ends that was used, in milliseconds since 1970; absent for keys. */
  readonly expiresMs?: number;
}

/**
 * Who has a share of what all callers have together: a key, or a project's tokens, of which an issuer makes as many as it
 * is asked for. Undefined where nobody is told from anybody, in open mode.
 */
export function sharerOf({ keyId, account, project }: Principal): string | undefined {
  return account === undefined ? keyId : `tokens of ${project}`;
}

export const allScopes: ReadonlySet<Scope> = new Set([
  Scope.INGEST,
  Scope.QUERY,
  Scope.ADMIN,
  Scope.PLATFORM,
]);

/** The project of every call where the server runs open. */
export const defaultProject = "default";
