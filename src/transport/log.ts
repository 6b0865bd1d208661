import type { Protocol } from "../domain/call.ts";
import type { ErrorCode, ErrorReason } from "../domain/errors.ts";

/** Where transport logs; pino's methods fit. */
export interface TransportLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** One request once it is answered, for metrics and the access log. */
export interface CallRecord {
  readonly requestId: string;
  /** Of the trace that it is recorded in, else of the one that the caller names; absent where there is none. */
  readonly traceId?: string;
  /** `page` for what is no method of the contract: plain pages, preflights, paths that nothing is served at. */
  readonly protocol: Protocol | "page";
  /** Full name of the method, path of the page, or `none`: one of a fixed set. */
  readonly method: string;
  readonly code: "OK" | ErrorCode;
  /** Absent where it went well. */
  readonly reason?: ErrorReason;
  readonly durationMs: number;
  /** Whether it was a stream, which lasts as long as its caller likes. */
  readonly stream: boolean;
  /** Absent where nobody was authenticated. */
  readonly project?: string;
  readonly keyId?: string;
}
