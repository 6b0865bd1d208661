/** The answer to bytes that are no HTTP request, as far as there is one. */
import { type ErrorReason, WeirError } from "../domain/errors.ts";
import { toStatusJson } from "./errors.ts";

const answers: Record<string, readonly [line: string, ErrorReason, message: string]> = {
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    "INVALID_REQUEST",
    "the request's headers are larger than the limit",
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    "408 Request Timeout",
    "DEADLINE_EXCEEDED",
    "the request took too long to arrive",
  ],
};

/** @param code of Node's error */
export function malformedAnswer(code: string | undefined): string {
  const [line, reason, message] = answers[code ?? ""] ?? [
    "400 Bad Request",
    "MALFORMED_BODY",
    "what was sent is no HTTP request",
  ];
  const error = new WeirError(reason === "DEADLINE_EXCEEDED" ? reason : "INVALID_ARGUMENT", reason, message);
  const body = JSON.stringify(toStatusJson(error));
  const head = [
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `HTTP/1.1 ${line}\r\n${head.join("\r\n")}\r\n\r\n${body}`;
}
