/** An error as it reaches the client of any protocol, read from the bytes of the answer. */
import { fromBinary, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { type Any, anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import {
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { contractRegistry } from "../../src/contract/registry.ts";
import type { RawAnswer } from "./http.ts";

export interface Failure {
  /** Of HTTP. */
  readonly status: number;
  /** Name of the code, such as InvalidArgument. */
  readonly code: string;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly violations: readonly { readonly field: string; readonly rule: string; readonly message: string }[];
  readonly retryDelayMs: number | undefined;
  readonly requestId: string | null;
}

export function restFailure(answer: RawAnswer): Failure {
  const { code, message, details } = fromJson(StatusSchema, parsed(answer), { registry: contractRegistry });
  return failure(answer, code, message, details);
}

export function connectFailure(answer: RawAnswer): Failure {
  return connectError(answer, parsed(answer) as unknown as ConnectJson);
}

/** The error in the last envelope of a stream. */
export function connectStreamFailure(answer: RawAnswer): Failure {
  const end = envelopes(answer.body).find(({ flags }) => flags === 2);
  if (end === undefined) throw new Error(`status ${answer.status} without an end: ${answer.body}`);
  return connectError(answer, (JSON.parse(end.data.toString()) as { error: ConnectJson }).error);
}

interface ConnectJson {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

function connectError(answer: RawAnswer, { code, message, details }: ConnectJson): Failure {
  const number = connectCodes.get(code);
  if (number === undefined) throw new Error(`${code} is no code of Connect`);
  const unpacked = details.map(({ type, value }) => any(type, base64Decode(value)));
  return failure(answer, number, message, unpacked);
}

export function grpcFailure(answer: RawAnswer): Failure {
  const status = answer.trailers.has("grpc-status") ? answer.trailers : answer.headers;
  return statusFailure(answer, status);
}

/** @param body unwrapped from base64 */
export function grpcWebFailure(answer: RawAnswer, body: Buffer): Failure {
  const trailers = envelopes(body).find(({ flags }) => flags === 0x80);
  if (trailers === undefined) throw new Error(`status ${answer.status} without trailers: ${body}`);
  const lines = trailers.data.toString().split("\r\n").filter(Boolean);
  return statusFailure(
    answer,
    new Headers(lines.map((line) => line.split(/:\s*(.*)/s).slice(0, 2) as [string, string])),
  );
}

/** The messages of a streamed answer, each with its flags. */
export function envelopes(body: Buffer): { flags: number; data: Buffer }[] {
  const found = [];
  for (let at = 0; at + 5 <= body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    found.push({ flags: body[at]!, data: body.subarray(at + 5, end) });
    at = end;
  }
  return found;
}

function statusFailure(answer: RawAnswer, status: Headers): Failure {
  const bytes = status.get("grpc-status-details-bin");
  const details = bytes === null ? [] : fromBinary(StatusSchema, base64Decode(bytes)).details;
  const message = decodeURIComponent(status.get("grpc-message") ?? "");
  return failure(answer, Number(status.get("grpc-status") ?? Number.NaN), message, details);
}

function failure(answer: RawAnswer, code: number, message: string, details: readonly Any[]): Failure {
  let info: ErrorInfo | undefined;
  let retryDelayMs: number | undefined;
  const violations: { field: string; rule: string; message: string }[] = [];
  for (const detail of details) {
    info ??= anyUnpack(detail, ErrorInfoSchema);
    const retryDelay = anyUnpack(detail, RetryInfoSchema)?.retryDelay;
    if (retryDelay !== undefined) retryDelayMs = durationMs(retryDelay);
    for (const violation of anyUnpack(detail, BadRequestSchema)?.fieldViolations ?? []) {
      const { field, reason, description } = violation;
      violations.push({ field, rule: reason, message: description });
    }
  }
  return {
    status: answer.status,
    code: Code[code] ?? `none (${code})`,
    message,
    reason: info?.reason,
    domain: info?.domain,
    violations,
    retryDelayMs,
    requestId: answer.headers.get("x-request-id"),
  };
}

function parsed({ status, headers, body }: RawAnswer): JsonObject {
  const type = headers.get("content-type");
  if (type !== "application/json") throw new Error(`status ${status} with content type ${type}: ${body}`);
  return JSON.parse(body.toString()) as JsonObject;
}

function any(typeName: string, value: Uint8Array<ArrayBuffer>): Any {
  return { $typeName: "google.protobuf.Any", typeUrl: `type.googleapis.com/${typeName}`, value };
}

/** By their names in Connect's JSON, such as invalid_argument. */
const connectCodes = new Map(
  Object.entries(Code).flatMap(([name, code]): [string, number][] =>
    typeof code === "number" ? [[name.replace(/(?<!^)(?=[A-Z])/g, "_").toLowerCase(), code]] : [],
  ),
);
