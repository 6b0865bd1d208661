/**
 * Where every request comes in, whatever carries it: names it, checks where it comes from, finds what answers it, lets
 * it through the gate, and records how it ended. Calls of Connect, gRPC and gRPC-Web are handed back for connect-es;
 * everything else is answered here.
 */

import { Scope } from "../contract/options.ts";
import { WeirError } from "../domain/errors.ts";
import { maskSecrets } from "../domain/secrets.ts";
import type { Span, Tracing } from "../telemetry/tracing.ts";
import { beginCall } from "./call-span.ts";
import type { CallContext, CallOutcome } from "./calls.ts";
import { isPreflight, respondPreflight, setCorsHeaders } from "./cors.ts";
import { respondError } from "./error-response.ts";
import { toWeirError } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import type { Gate } from "./gate.ts";
import type { CallRecord, TransportLog } from "./log.ts";
import { isUnary } from "./methods.ts";
import type { OriginPolicy } from "./origins.ts";
import type { Page } from "./pages.ts";
import { requestIdHeader, requestIdOf, traceIdOf } from "./request-id.ts";
import type { Rest } from "./rest.ts";
import type { Routes, Target } from "./routes.ts";
import { type ContentType, protocolOf } from "./wire.ts";

/** A call for connect-es. `done` is called once it is answered or the caller is gone. */
export interface PassedCall {
  readonly context: CallContext;
  readonly type: ContentType;
  done(): void;
}

export interface FrontOptions {
  readonly routes: Routes;
  readonly gate: Gate;
  readonly rest: Rest;
  readonly origins: OriginPolicy;
  readonly log: TransportLog;
  /** Told of every request once it is answered. */
  readonly observe: (call: CallRecord) => void;
  /** Told of each call that the gate let in, and once it is over. */
  readonly underWay: (change: 1 | -1) => void;
  readonly tracing?: Tracing | undefined;
}

export type Front = (exchange: Exchange) => Promise<PassedCall | undefined>;

export function createFront(options: FrontOptions): Front {
  const { routes, gate, rest, origins, log, observe, underWay, tracing } = options;
  return async (exchange) => {
    const started = performance.now();
    const requestId = requestIdOf(exchange);
    const traceId = traceIdOf(exchange);
    exchange.setHeader(requestIdHeader, requestId);
    const outcome: CallOutcome = { error: undefined, principal: undefined, invoked: false };
    let target: Target | undefined;
    let context: CallContext | undefined;
    let span: Span | undefined;
    const done = () => {
      if (context !== undefined) {
        gate.leave(context);
        underWay(-1);
      }
      const shown = span?.traceId ?? traceId;
      const ids = shown === undefined ? { requestId } : { requestId, traceId: shown };
      const record = recordOf(ids, target, outcome, performance.now() - started);
      span?.end(record.reason, record.project === undefined ? {} : { "weir.project": record.project });
      report(log, exchange, record, target);
      observe(record);
    };
    try {
      checkOrigins(exchange, origins);
      setCorsHeaders(exchange, origins);
      if (exchange.method === "OPTIONS") {
        if (isPreflight(exchange)) await respondPreflight(exchange, origins);
        else await exchange.respond(204, { allow: routes.allowed(exchange).join(", ") }, "");
        done();
        return undefined;
      }
      target = routes.resolve(exchange);
      if (target.kind === "page") {
        await servePage(exchange, target.page, gate);
        done();
        return undefined;
      }
      const { method } = target;
      const protocol = target.kind === "rest" ? "rest" : protocolOf(target.type.wire);
      const browserKey = target.kind === "rest" && method.plainText;
      if (tracing !== undefined) span = beginCall(tracing, exchange, method, { protocol, requestId });
      const trace = span?.traceparent;
      context = await gate.enter(exchange, { method, protocol, requestId, trace, outcome, browserKey });
      underWay(1);
      if (target.kind === "rpc") {
        exchange.setHeader("cache-control", "no-store");
        return { context, type: target.type, done };
      }
      await rest.serve(exchange, { ...target, plainText: browserKey }, context);
    } catch (cause) {
      const error = toWeirError(cause);
      if (error.code === "INTERNAL" && outcome.error === undefined) {
        log.error({ requestId, err: error.cause ?? error }, "request failed");
      }
      outcome.error = error;
      await respondError(exchange, error, routes.wireOf(exchange));
    }
    done();
    return undefined;
  };
}

/** @throws WeirError PERMISSION_DENIED, or INVALID_ARGUMENT where the request names no host, or what is none */
function checkOrigins(exchange: Exchange, origins: OriginPolicy): void {
  const host = exchange.header("host");
  if (host === undefined)
    throw new WeirError("INVALID_ARGUMENT", "INVALID_REQUEST", "the request names no host");
  if (!URL.canParse(`http://${host}`)) {
    const message = `the request must name one host, not ${JSON.stringify(host)}`;
    throw new WeirError("INVALID_ARGUMENT", "INVALID_REQUEST", message);
  }
  if (!origins.allowsHost(host)) {
    const message = `host ${JSON.stringify(host)} is none that this open server answers to`;
    throw new WeirError("PERMISSION_DENIED", "FOREIGN_HOST", message);
  }
  const origin = exchange.header("origin");
  if (origin !== undefined && !origins.allowsOrigin(origin)) {
    const message = `origin ${JSON.stringify(origin)} is none that this open server answers to`;
    throw new WeirError("PERMISSION_DENIED", "FOREIGN_ORIGIN", message);
  }
}

async function servePage(exchange: Exchange, page: Page, gate: Gate): Promise<void> {
  await gate.authorize(exchange, page.scope);
  const { status, contentType, body } = await page.answer();
  const headers = {
    "content-type": contentType,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
  };
  await exchange.respond(status, headers, body);
}

function recordOf(
  ids: Pick<CallRecord, "requestId" | "traceId">,
  target: Target | undefined,
  { error, principal }: CallOutcome,
  durationMs: number,
): CallRecord {
  const { keyId, project } = principal ?? {};
  return {
    ...ids,
    protocol:
      target?.kind === "rpc" ? protocolOf(target.type.wire) : target?.kind === "rest" ? "rest" : "page",
    method: target === undefined ? "none" : target.kind === "page" ? target.page.path : target.method.name,
    code: error?.code ?? "OK",
    durationMs,
    stream: target !== undefined && target.kind !== "page" && !isUnary(target.method),
    ...(error === undefined ? {} : { reason: error.reason }),
    ...(project === undefined ? {} : { project }),
    ...(keyId === undefined ? {} : { keyId }),
  };
}

/** The access log. The query is left out: it may hold a browser key. So may a path that was put together wrongly. */
function report(log: TransportLog, exchange: Exchange, record: CallRecord, target: Target | undefined): void {
  // Probes, scrapes and what is sent in come so often that only their failures are worth a line.
  const often = target?.kind === "page" ? target.page.quiet : target?.method.scope === Scope.INGEST;
  const quiet = often === true && record.code === "OK";
  const fields = { ...record, verb: exchange.method, path: maskSecrets(exchange.path).slice(0, 1024) };
  log[quiet ? "debug" : "info"](fields, "request");
}
