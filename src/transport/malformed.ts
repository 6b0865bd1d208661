/** The answer to bytes that are no HTTP request, or one of no acceptable size, which never come to the front. */
import { randomUUIDv7 } from "node:crypto";
import { type ErrorCode, type ErrorReason, WeirError } from "../domain/errors.ts";
import { toStatusJson } from "./errors.ts";
import type { TransportLog } from "./log.ts";
import { requestIdHeader } from "./request-id.ts";

interface Malformed {
  readonly status: number;
  readonly text: string;
  readonly code: ErrorCode;
  readonly reason: ErrorReason;
  readonly message: string;
}

export const headersTooLarge: Malformed = {
  status: 431,
  text: "Request Header Fields Too Large",
  code: "INVALID_ARGUMENT",
  reason: "INVALID_REQUEST",
  message: "the request's headers are larger than the limit",
};

/** By the code of Node's error. */
const known: Record<string, Malformed> = {
  HPE_HEADER_OVERFLOW: headersTooLarge,
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    text: "Request Timeout",
    code: "DEADLINE_EXCEEDED",
    reason: "DEADLINE_EXCEEDED",
    message: "the request took too long to arrive",
  },
};

const noRequest: Malformed = {
  status: 400,
  text: "Bad Request",
  code: "INVALID_ARGUMENT",
  reason: "MALFORMED_BODY",
  message: "what was sent is no HTTP request",
};

export interface Refusal {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Names the refusal, as every answer is named, and logs it under that name: nothing of the request can be told. */
export function refuse({ status, code, reason, message }: Malformed, log: TransportLog): Refusal {
  const requestId = randomUUIDv7();
  log.info({ requestId, protocol: "page", method: "none", code, reason, status }, "request");
  return {
    headers: { "content-type": "application/json", [requestIdHeader]: requestId },
    body: JSON.stringify(toStatusJson(new WeirError(code, reason, message))),
  };
}

/** The whole answer over HTTP/1.1. @param code of Node's error */
export function malformedAnswer(code: string | undefined, log: TransportLog): string {
  const malformed = known[code ?? ""] ?? noRequest;
  const { headers, body } = refuse(malformed, log);
  const head = [
    `HTTP/1.1 ${malformed.status} ${malformed.text}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** Size of a request's headers as HTTP/2 counts it: each name and value, and 32 for every pair. */
export function headerBytes(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((sum, text) => sum + text.length + 16, 0);
}
