import { randomUUIDv7 } from "node:crypto";
import { maskSecrets } from "../domain/secrets.ts";
import type { Exchange } from "./exchange.ts";

export const requestIdHeader = "x-request-id";

/** What may stand in a header and a log line as it is. */
const wellFormed = /^[A-Za-z0-9._:/+=@-]{1,128}$/;

/** The caller's own id where it is well-formed and holds no secret, else a new UUIDv7. */
export function requestIdOf(exchange: Exchange): string {
  const own = exchange.header(requestIdHeader);
  return own !== undefined && wellFormed.test(own) && maskSecrets(own) === own ? own : randomUUIDv7();
}

/** W3C Trace Context, of which only the trace's id matters here; any version but the one that is forbidden. */
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/** Id of the trace that the caller says its request is part of, so that log lines can be found by it. */
export function traceIdOf(exchange: Exchange): string | undefined {
  const header = exchange.header("traceparent");
  return header === undefined ? undefined : traceparent.exec(header)?.[1];
}
