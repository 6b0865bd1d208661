/** Cross-origin requests of browsers. */
import { cors } from "@connectrpc/connect";
import type { Exchange } from "./exchange.ts";
import type { OriginPolicy } from "./origins.ts";
import { requestIdHeader } from "./request-id.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "DELETE"].join(", ");
const requestHeaders = [
  ...cors.allowedHeaders,
  "Authorization",
  "X-Api-Key",
  requestIdHeader,
  "Content-Encoding",
  "Traceparent",
  "Tracestate",
].join(", ");
const responseHeaders = [...cors.exposedHeaders, requestIdHeader, "Retry-After", "Content-Disposition"].join(
  ", ",
);
/** Browsers cap it at two hours or less. */
const maxAgeSeconds = 7200;

/** Of a request with the method OPTIONS. */
export function isPreflight(exchange: Exchange): boolean {
  return exchange.header("access-control-request-method") !== undefined;
}

/** Lets the page that asks read the answer, where the policy shares with it. */
export function setCorsHeaders(exchange: Exchange, policy: OriginPolicy): void {
  const origin = exchange.header("origin");
  if (origin === undefined) return;
  exchange.setHeader("vary", "Origin");
  if (!policy.sharesWith(origin)) return;
  exchange.setHeader("access-control-allow-origin", origin);
  exchange.setHeader("access-control-expose-headers", responseHeaders);
}

/** A preflight from an origin that is not shared with gets no permission, and the browser sends no request. */
export function respondPreflight(exchange: Exchange, policy: OriginPolicy): Promise<void> {
  const origin = exchange.header("origin");
  if (origin === undefined || !policy.sharesWith(origin)) return exchange.respond(204, {}, "");
  const headers = {
    "access-control-allow-methods": methods,
    "access-control-allow-headers": requestHeaders,
    "access-control-max-age": String(maxAgeSeconds),
  };
  return exchange.respond(204, headers, "");
}
