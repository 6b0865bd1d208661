/** What the errors that connect-es makes itself mean in our vocabulary. */
import { Code, type ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { type ErrorCode, type ErrorReason, WeirError } from "../domain/errors.ts";
import { toWeirError } from "./errors.ts";

const meanings: Partial<Record<Code, readonly [ErrorCode, ErrorReason]>> = {
  [Code.Canceled]: ["CANCELLED", "CANCELLED"],
  [Code.InvalidArgument]: ["INVALID_ARGUMENT", "MALFORMED_BODY"],
  [Code.DeadlineExceeded]: ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"],
  [Code.ResourceExhausted]: ["RESOURCE_EXHAUSTED", "BODY_TOO_LARGE"],
  [Code.Aborted]: ["CANCELLED", "CANCELLED"],
};

export function hasErrorInfo(error: ConnectError): boolean {
  return error.findDetails(ErrorInfoSchema).length > 0;
}

/**
 * @param invoked whether the request had been read and handed on: what connect-es cannot decode before that it calls
 *   internal, but is the caller's fault
 */
export function fromForeign(error: ConnectError, invoked: boolean): WeirError {
  const text = error.rawMessage;
  if (error.code === Code.Unimplemented) {
    // An unknown compression, or too few or too many messages for the method.
    const reason = text.startsWith("protocol error") ? "MALFORMED_BODY" : "UNSUPPORTED_MEDIA_TYPE";
    return new WeirError("UNIMPLEMENTED", reason, text);
  }
  if (error.code === Code.Internal && !invoked)
    return new WeirError("INVALID_ARGUMENT", "MALFORMED_BODY", text);
  const meaning = meanings[error.code];
  return meaning === undefined ? toWeirError(error) : new WeirError(...meaning, text);
}
