import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";

/** Node's codes of a connection that could not be made or broke, beyond those that connect-node knows. */
const brokenConnection = new Set([
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "ERR_HTTP2_GOAWAY_SESSION",
  "ERR_HTTP2_INVALID_SESSION",
  "ERR_HTTP2_SESSION_ERROR",
  "ERR_HTTP2_STREAM_CANCEL",
  "ERR_HTTP2_STREAM_ERROR",
  "ERR_STREAM_PREMATURE_CLOSE",
  "UND_ERR_SOCKET",
]);

/** Reasons for RESOURCE_EXHAUSTED and UNAVAILABLE that the same request meets again. */
const hopeless = new Set(["BODY_TOO_LARGE", "CREDIT_EXCEEDED", "ROLE_NOT_HERE"]);

/** Stable reason of an error of the server (docs/ERRORS.md); undefined where it has none or never came from it. */
export function errorReason(error: unknown): string | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  return error.findDetails(ErrorInfoSchema)[0]?.reason;
}

/**
 * Any failed attempt as a ConnectError, a lost connection always as UNAVAILABLE. Transports name the same thing by
 * many names: a broken HTTP/2 session cancels its streams, a socket that is reset aborts them, fetch throws a TypeError.
 * For an attempt that the caller did not cancel.
 */
export function attemptFailure(thrown: unknown): ConnectError {
  const error = ConnectError.from(thrown);
  if (error.code === Code.Unavailable || !isLostConnection(error)) return error;
  return new ConnectError(
    `the connection was lost before the answer came (${error.rawMessage})`,
    Code.Unavailable,
    error.metadata,
    undefined,
    error.cause ?? error,
  );
}

function isLostConnection(error: ConnectError): boolean {
  if (errorReason(error) !== undefined) return false;
  if (error.code === Code.Canceled || error.code === Code.Aborted) return true;
  if (error.cause instanceof TypeError) return error.code === Code.Unknown;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string" && brokenConnection.has(cause.code)) return true;
  }
  return false;
}

/** Whether another attempt of the same call may fare better. */
export function isTransient(error: ConnectError): boolean {
  switch (error.code) {
    case Code.DeadlineExceeded:
      return true;
    case Code.Unavailable:
    case Code.ResourceExhausted:
      return !hopeless.has(errorReason(error) ?? "");
    default:
      return false;
  }
}
