/** The one place where a WeirError becomes a status of gRPC, Connect or HTTP. */
import {
  create,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { type ErrorCode, type ErrorReason, WeirError } from "../domain/errors.ts";

/** google.rpc.ErrorInfo.domain of every error. */
export const errorDomain = "weir";

interface CodeMapping {
  readonly connect: Code;
  /** As google.rpc.Code maps it. */
  readonly http: number;
}

export const codeMappings: Record<ErrorCode, CodeMapping> = {
  CANCELLED: { connect: Code.Canceled, http: 499 },
  INVALID_ARGUMENT: { connect: Code.InvalidArgument, http: 400 },
  DEADLINE_EXCEEDED: { connect: Code.DeadlineExceeded, http: 504 },
  NOT_FOUND: { connect: Code.NotFound, http: 404 },
  ALREADY_EXISTS: { connect: Code.AlreadyExists, http: 409 },
  PERMISSION_DENIED: { connect: Code.PermissionDenied, http: 403 },
  RESOURCE_EXHAUSTED: { connect: Code.ResourceExhausted, http: 429 },
  FAILED_PRECONDITION: { connect: Code.FailedPrecondition, http: 400 },
  ABORTED: { connect: Code.Aborted, http: 409 },
  OUT_OF_RANGE: { connect: Code.OutOfRange, http: 400 },
  UNIMPLEMENTED: { connect: Code.Unimplemented, http: 501 },
  INTERNAL: { connect: Code.Internal, http: 500 },
  UNAVAILABLE: { connect: Code.Unavailable, http: 503 },
  UNAUTHENTICATED: { connect: Code.Unauthenticated, http: 401 },
};

/** HTTP has a status of its own for these, whatever their code. */
export const reasonStatuses: Partial<Record<ErrorReason, number>> = {
  NO_SUCH_ROUTE: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  HEADERS_TOO_LARGE: 431,
  HTTP_VERSION_NOT_SUPPORTED: 505,
};

/** What is no WeirError is a defect: its text stays in the log. */
export function toWeirError(error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  const message = "internal error: the server's log has the details under the request id";
  return new WeirError("INTERNAL", "INTERNAL", message, { cause: error });
}

export function httpStatusOf(error: WeirError): number {
  return reasonStatuses[error.reason] ?? codeMappings[error.code].http;
}

interface Detail {
  readonly desc: DescMessage;
  readonly value: Message;
}

/** Details with their types, as every protocol packs them. */
function detailsOf(error: WeirError): Detail[] {
  const info = create(ErrorInfoSchema, { reason: error.reason, domain: errorDomain });
  const details: Detail[] = [{ desc: ErrorInfoSchema, value: info }];
  if (error.violations.length > 0) {
    const fieldViolations = error.violations.map(({ field, ruleId, message }) => ({
      field,
      reason: ruleId,
      description: message,
    }));
    details.push({ desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations }) });
  }
  if (error.retryDelayMs !== undefined) {
    const retryDelay = durationFromMs(error.retryDelayMs);
    details.push({ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay }) });
  }
  return details;
}

/** Headers that go with an error on every protocol. */
export function errorHeaders(error: WeirError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.retryDelayMs !== undefined) headers["retry-after"] = String(Math.ceil(error.retryDelayMs / 1000));
  if (error.code === "UNAUTHENTICATED") headers["www-authenticate"] = "Bearer";
  return headers;
}

export function toConnectError(error: WeirError): ConnectError {
  const { connect } = codeMappings[error.code];
  return new ConnectError(error.message, connect, errorHeaders(error), detailsOf(error), error);
}

/** google.rpc.Status in proto JSON: what REST and the plain pages answer. */
export function toStatusJson(error: WeirError): JsonObject {
  const details = detailsOf(error).map(
    ({ desc, value }): JsonValue => ({
      "@type": `type.googleapis.com/${desc.typeName}`,
      ...(toJson(desc, value, { useProtoFieldName: true }) as JsonObject),
    }),
  );
  return { code: codeMappings[error.code].connect, message: error.message, details };
}
