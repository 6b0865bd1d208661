/** What the errors that connect-es makes itself mean in our vocabulary. */
import { Code, type ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { refused } from "../contract/json-request.ts";
import { type ErrorCode, type ErrorReason, type FieldViolation, WeirError } from "../domain/errors.ts";
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

export interface ForeignOptions {
  /**
   * Whether the request had been read and handed on: what connect-es cannot decode before that it calls internal, but
   * is the caller's fault.
   */
  readonly invoked: boolean;
  /** Fields of a JSON request that do not parse, where the request can be looked at. */
  readonly violations: () => readonly FieldViolation[];
}

export function fromForeign(error: ConnectError, { invoked, violations }: ForeignOptions): WeirError {
  const text = error.rawMessage;
  if (error.code === Code.Unimplemented) {
    // An unknown compression, or too few or too many messages for the method.
    const reason = text.startsWith("protocol error") ? "MALFORMED_BODY" : "UNSUPPORTED_MEDIA_TYPE";
    return new WeirError("UNIMPLEMENTED", reason, text);
  }
  if (error.code === Code.Internal && !invoked) return malformed(text);
  if (error.code === Code.InvalidArgument && text.startsWith("cannot decode ")) {
    const found = violations();
    if (found.length > 0) return refused(found);
    const unknown = /key "([^"]*)" is unknown$/.exec(text)?.[1];
    if (unknown === undefined) return malformed(text);
    return new WeirError("INVALID_ARGUMENT", "INVALID_REQUEST", text, {
      violations: [{ field: unknown, ruleId: "json.unknown_field", message: "is unknown" }],
    });
  }
  const meaning = meanings[error.code];
  if (meaning === undefined) return toWeirError(error);
  return new WeirError(...meaning, text.replace(/configured readMaxBytes (\d+)/, "the limit of $1 bytes"));
}

function malformed(text: string): WeirError {
  return new WeirError("INVALID_ARGUMENT", "MALFORMED_BODY", text);
}
