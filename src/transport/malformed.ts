/** The answer to bytes that are no HTTP request, or one of no acceptable size, as far as there is one. */
import { type ErrorReason, WeirError } from "../domain/errors.ts";
import { toStatusJson } from "./errors.ts";

interface Malformed {
  readonly status: number;
  readonly text: string;
  readonly reason: ErrorReason;
  readonly message: string;
}

export const headersTooLarge: Malformed = {
  status: 431,
  text: "Request Header Fields Too Large",
  reason: "INVALID_REQUEST",
  message: "the request's headers are larger than the limit",
};

/** By the code of Node's error. */
const known: Record<string, Malformed> = {
  HPE_HEADER_OVERFLOW: headersTooLarge,
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    text: "Request Timeout",
    reason: "DEADLINE_EXCEEDED",
    message: "the request took too long to arrive",
  },
};

const noRequest: Malformed = {
  status: 400,
  text: "Bad Request",
  reason: "MALFORMED_BODY",
  message: "what was sent is no HTTP request",
};

export function malformedBody({ reason, message }: Malformed): string {
  const code = reason === "DEADLINE_EXCEEDED" ? reason : "INVALID_ARGUMENT";
  return JSON.stringify(toStatusJson(new WeirError(code, reason, message)));
}

/** The whole answer over HTTP/1.1. @param code of Node's error */
export function malformedAnswer(code: string | undefined): string {
  const malformed = known[code ?? ""] ?? noRequest;
  const body = malformedBody(malformed);
  const head = [
    `HTTP/1.1 ${malformed.status} ${malformed.text}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** Size of a request's headers as HTTP/2 counts it: each name and value, and 32 for every pair. */
export function headerBytes(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((sum, text) => sum + text.length + 16, 0);
}
