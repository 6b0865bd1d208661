/**
 * The one vocabulary of errors. A stage throws a WeirError; the edge maps it once to a status of each protocol.
 * Every reason is listed in docs/ERRORS.md.
 */

import { maskSecrets } from "./secrets.ts";

/** Canonical status of an error, as gRPC names it. */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "UNAUTHENTICATED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED";

/** What is wrong, stable and machine-readable: google.rpc.ErrorInfo.reason. */
export const errorReasons = {
  INVALID_REQUEST: "A request breaks a rule of the contract; the violations name the fields.",
  INVALID_EVENT: "An event breaks a rule of the contract; the violations name the fields.",
  INVALID_FILTER: "A filter expression cannot be compiled; the message gives the position.",
  INVALID_TOKEN:
    "A visibility token, page token or cursor is broken, or belongs to another log, project or question.",
  MALFORMED_BODY: "The body cannot be parsed as what its content type says, or the request as HTTP.",
  BODY_TOO_LARGE: "The body is larger than the limit, after decompression.",
  HEADERS_TOO_LARGE: "The request's headers are larger than the limit.",
  REQUEST_TIMEOUT: "The request took too long to arrive.",
  UNSUPPORTED_MEDIA_TYPE: "The content type or encoding is none that the method takes.",
  METHOD_NOT_ALLOWED: "The path exists, but not with this HTTP method.",
  HTTP_VERSION_NOT_SUPPORTED: "The method streams in both directions, which takes HTTP/2.",
  NO_SUCH_ROUTE: "Nothing is served at this path.",
  NOT_FOUND: "What was asked for does not exist.",
  NOT_YET_BUILT: "The method is part of the contract and answered by a later version.",
  FOREIGN_HOST: "The request's Host is none that this open server answers to.",
  FOREIGN_ORIGIN: "The request's Origin is none that this open server answers to.",
  NO_KEY: "The method needs a key, and none was sent.",
  UNKNOWN_KEY: "The key is none that is known, or ended so long ago that it made room for others.",
  EXPIRED_KEY: "The key has expired.",
  REVOKED_KEY: "The key was revoked.",
  KEY_ORIGIN: "The key may not be used by pages of this origin, or only by pages and not by programs.",
  NO_BROWSER_KEY: "The key stands in the query, where only a browser key is taken.",
  TOKEN_MALFORMED: "The token is no signed JWT.",
  TOKEN_UNSIGNED: "The token says that it is not signed (algorithm none).",
  TOKEN_ALGORITHM: "The token is signed by an algorithm that is not taken, such as one with a shared secret.",
  TOKEN_KEY: "The token names no key of the issuer's, or leaves open which of several.",
  TOKEN_SIGNATURE: "The token's signature is not of the key that it names.",
  TOKEN_EXPIRED: "The token has expired.",
  TOKEN_NOT_YET_VALID: "The token is not valid yet.",
  TOKEN_AUDIENCE: "The token is for another audience.",
  TOKEN_ISSUER: "The token is of another issuer.",
  TOKEN_CLAIMS: "The token lacks a claim that is needed, or has one that is none.",
  TOKEN_KEYS_UNAVAILABLE: "The keys of the tokens' issuer cannot be had now.",
  UNKNOWN_PROJECT: "The token's project does not exist.",
  INSUFFICIENT_SCOPE: "The key is valid, but lacks the scope that the method needs.",
  PROJECT_EXISTS: "A project of this id exists already.",
  TOO_MANY_KEYS: "The project has as many keys as it may have, and none that has ended to make room.",
  UNDECODABLE: "The dead letter's record cannot be decoded, and so not replayed.",
  QUEUE_FULL: "The queue before the log is full; nothing was taken.",
  RATE_LIMITED: "The key, or its project, sends more than it may in a second.",
  OUT_OF_MEMORY: "The bodies of requests under way fill the memory that there is for them.",
  TOO_MANY_REQUESTS: "Too many requests or streams are under way, in all or of this key or project.",
  CREDIT_EXCEEDED: "A stream sent more events than it had credits for.",
  LOG_UNAVAILABLE:
    "The log could not be written, or not by the deadline because it does not get through; the outcome is unknown and the same ids may be sent again.",
  LOG_LOST:
    "The log has lost records that it had acknowledged, or was made anew: this process takes and applies nothing more.",
  STORE_UNAVAILABLE: "The store cannot answer now.",
  ROLE_NOT_HERE: "The method belongs to a role that this process does not run: ask one that does.",
  ROWS_REMOVED: "Retention removed events while they were being exported; export again.",
  SHUTTING_DOWN: "The server is stopping; send the request again, to the one that follows.",
  DEADLINE_EXCEEDED: "The deadline passed before the answer was known.",
  NOT_YET_VISIBLE: "The events of min_visibility were not in the store by the deadline.",
  CANCELLED: "The caller went away.",
  INTERNAL: "A defect of the server; the log has the details under the request id.",
} as const;

export type ErrorReason = keyof typeof errorReasons;

/** One broken rule: field path, rule id and a message for people. */
export interface FieldViolation {
  readonly field: string;
  readonly ruleId: string;
  readonly message: string;
}

export interface WeirErrorInit {
  readonly violations?: readonly FieldViolation[];
  /** Milliseconds to wait before the same call is worth trying again; absent: it is not. */
  readonly retryDelayMs?: number;
  readonly cause?: unknown;
}

/** Messages and violations may repeat what the caller said: secrets of keys in them are masked. */
export class WeirError extends Error {
  override readonly name = "WeirError";
  readonly code: ErrorCode;
  readonly reason: ErrorReason;
  readonly violations: readonly FieldViolation[];
  readonly retryDelayMs: number | undefined;

  constructor(code: ErrorCode, reason: ErrorReason, message: string, init: WeirErrorInit = {}) {
    super(maskSecrets(message), init.cause === undefined ? undefined : { cause: init.cause });
    this.code = code;
    this.reason = reason;
    this.violations = (init.violations ?? []).map(({ field, ruleId, message: text }) => ({
      field: maskSecrets(field),
      ruleId,
      message: maskSecrets(text),
    }));
    this.retryDelayMs = init.retryDelayMs;
  }
}

/** An INVALID_ARGUMENT about one field of a request. */
export function invalidField(field: string, message: string, ruleId = "invalid"): WeirError {
  return new WeirError("INVALID_ARGUMENT", "INVALID_REQUEST", `${field}: ${message}`, {
    violations: [{ field, ruleId, message }],
  });
}

/** What is at the bottom of an error that only says that something failed beneath it. */
export function rootOf(error: unknown): { readonly code?: string; readonly message: string } {
  const { cause } = error as Error;
  return cause instanceof Error ? rootOf(cause) : (error as Error);
}
