/** The answer to bytes that are no HTTP request, or one of no acceptable size, which never come to the front. */
import { randomUUIDv7 } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { WeirError } from "../domain/errors.ts";
import { httpStatusOf, toStatusJson } from "./errors.ts";
import { requestTimeout } from "./lifetime.ts";
import type { CallRecord, TransportLog } from "./log.ts";
import { requestIdHeader } from "./request-id.ts";

export const headersTooLarge = new WeirError(
  "INVALID_ARGUMENT",
  "HEADERS_TOO_LARGE",
  "the request's headers are larger than the limit",
);

/** By the code of Node's error. */
const known: Record<string, WeirError> = {
  HPE_HEADER_OVERFLOW: headersTooLarge,
  ERR_HTTP_REQUEST_TIMEOUT: requestTimeout,
};

const noRequest = new WeirError("INVALID_ARGUMENT", "MALFORMED_BODY", "what was sent is no HTTP request");

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Where a refusal is told of. */
export interface RefusalWatch {
  readonly log: TransportLog;
  /** As of every request once it is answered. */
  readonly observe: (call: CallRecord) => void;
}

/**
 * Names the refusal, as every answer is named, and tells of it under that name: nothing of the request is known, nor when
 * it came.
 */
export function refuse(error: WeirError, { log, observe }: RefusalWatch): Refusal {
  const requestId = randomUUIDv7();
  const { code, reason } = error;
  const record = {
    requestId,
    protocol: "page",
    method: "none",
    code,
    reason,
    durationMs: 0,
    stream: false,
  } as const;
  log.info(record, "request");
  observe(record);
  return {
    status: httpStatusOf(error),
    headers: { "content-type": "application/json", [requestIdHeader]: requestId },
    body: JSON.stringify(toStatusJson(error)),
  };
}

/** The whole answer over HTTP/1.1. @param code of Node's error */
export function malformedAnswer(code: string | undefined, watch: RefusalWatch): string {
  const { status, headers, body } = refuse(known[code ?? ""] ?? noRequest, watch);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
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
