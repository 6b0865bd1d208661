/** Tells from a request's method, path and content type what answers it, before anything else of it is read. */
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { createRouteMatcher, type RestBinding, restBindings } from "../contract/bindings.ts";
import { refused } from "../contract/json-request.ts";
import { WeirError } from "../domain/errors.ts";
import { maskSecrets } from "../domain/secrets.ts";
import type { Exchange } from "./exchange.ts";
import { isUnary, type MountedMethod } from "./methods.ts";
import type { Page } from "./pages.ts";
import { type ContentType, parseContentType, type Wire } from "./wire.ts";

export type Target =
  | { readonly kind: "rpc"; readonly method: MountedMethod; readonly type: ContentType }
  | {
      readonly kind: "rest";
      readonly method: MountedMethod;
      readonly binding: RestBinding;
      readonly variables: readonly { readonly field: string; readonly value: string }[];
    }
  | { readonly kind: "page"; readonly page: Page };

export interface Routes {
  /** In what form errors are told to this request. */
  wireOf(exchange: Exchange): Wire;
  /**
   * @throws WeirError NO_SUCH_ROUTE, METHOD_NOT_ALLOWED, UNSUPPORTED_MEDIA_TYPE, HTTP_VERSION_NOT_SUPPORTED or
   * INVALID_REQUEST
   */
  resolve(exchange: Exchange): Target;
  /** The methods that the path takes. @throws WeirError NO_SUCH_ROUTE or INVALID_REQUEST */
  allowed(exchange: Exchange): readonly string[];
}

/** A method of a service in a package, known here or not: who calls it speaks no REST. */
const rpcPath = /^\/\w+(?:\.\w+)+\/\w+$/;
const getParameters = new Set(["connect", "encoding", "message", "base64", "compression"]);
/** Left out by clients of plain HTTP. */
const versionHeader = "connect-protocol-version";
const pageMethods = ["GET", "HEAD", "OPTIONS"];
const acceptedTypes =
  "application/json, application/proto, application/grpc, application/grpc-web, application/grpc-web-text";
const acceptedStreamTypes =
  "application/connect+json, application/connect+proto, application/grpc, application/grpc-web, application/grpc-web-text";

export function createRoutes(methods: readonly MountedMethod[], pages: readonly Page[]): Routes {
  const rpcs = new Map(methods.map((method) => [method.path, method]));
  const byDesc = new Map(methods.map((method) => [method.desc, method]));
  const services = [...new Set(methods.map((method) => method.desc.parent))];
  const match = createRouteMatcher(restBindings(services));
  const pagesByPath = new Map(pages.map((page) => [page.path, page]));
  const wireOf = (exchange: Exchange): Wire => {
    const wire = parseContentType(exchange.header("content-type"))?.wire;
    if (wire !== undefined && wire !== "connect") return wire;
    return rpcs.has(exchange.path) || rpcPath.test(exchange.path) ? "connect" : "rest";
  };
  const unmatched = (exchange: Exchange, kind: "malformed" | "none"): WeirError =>
    kind === "none"
      ? noSuchRoute(exchange, wireOf(exchange))
      : new WeirError("INVALID_ARGUMENT", "INVALID_REQUEST", "the path's percent-encoding is broken");
  return {
    wireOf,
    allowed: (exchange) => {
      const rpc = rpcs.get(exchange.path);
      if (rpc !== undefined) return rpcMethods(rpc);
      if (pagesByPath.has(exchange.path)) return pageMethods;
      const found = match(exchange.method, exchange.path);
      if (found.kind === "method-not-allowed") return found.allowed;
      throw unmatched(exchange, found.kind === "malformed" ? "malformed" : "none");
    },
    resolve: (exchange) => {
      const rpc = rpcs.get(exchange.path);
      if (rpc !== undefined) return { kind: "rpc", method: rpc, type: rpcType(exchange, rpc) };
      const page = pagesByPath.get(exchange.path);
      if (page !== undefined) {
        if (exchange.method === "GET" || exchange.method === "HEAD") return { kind: "page", page };
        throw methodNotAllowed(exchange, pageMethods);
      }
      const found = match(exchange.method, exchange.path);
      switch (found.kind) {
        case "match": {
          const method = byDesc.get(found.binding.method);
          if (method === undefined) throw noSuchRoute(exchange, wireOf(exchange));
          return { kind: "rest", method, binding: found.binding, variables: found.variables };
        }
        case "method-not-allowed":
          throw methodNotAllowed(exchange, found.allowed);
        default:
          throw unmatched(exchange, found.kind);
      }
    },
  };
}

function rpcMethods({ desc }: MountedMethod): readonly string[] {
  const readable =
    desc.methodKind === "unary" && desc.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return readable ? ["GET", "POST", "OPTIONS"] : ["POST", "OPTIONS"];
}

/** How a call of the method comes. connect-es would answer what is refused here with empty responses. */
function rpcType(exchange: Exchange, method: MountedMethod): ContentType {
  const allowed = rpcMethods(method);
  if (exchange.method === "GET" && allowed.includes("GET")) return getType(exchange);
  if (exchange.method !== "POST") throw methodNotAllowed(exchange, allowed);
  const type = parseContentType(exchange.header("content-type"));
  const unfit = isUnary(method) ? "connect-stream" : "connect";
  if (type === undefined || type.wire === unfit) {
    const accepted = isUnary(method) ? acceptedTypes : acceptedStreamTypes;
    exchange.setHeader("accept-post", accepted);
    const sent = exchange.header("content-type") ?? "none";
    throw unsupported(`content type ${sent} is none of ${accepted}`);
  }
  const version = exchange.header(versionHeader);
  if (type.wire.startsWith("connect") && version !== undefined && version !== "1") {
    throw refused([{ field: versionHeader, ruleId: "header", message: "must be 1" }]);
  }
  if (method.desc.methodKind === "bidi_streaming" && exchange.httpVersion !== "2") {
    exchange.setHeader("connection", "close");
    const message = `${method.name} streams in both directions, which takes HTTP/2`;
    throw new WeirError("UNIMPLEMENTED", "HTTP_VERSION_NOT_SUPPORTED", message);
  }
  return type;
}

/** A Connect GET brings its request in the query; a parameter that is none of the protocol's is refused. */
function getType(exchange: Exchange): ContentType {
  const parameters = new URLSearchParams(exchange.query);
  const unknown = [...parameters.keys()].filter((name) => !getParameters.has(name));
  if (unknown.length > 0) {
    throw refused(unknown.map((field) => ({ field, ruleId: "query", message: "is unknown" })));
  }
  const encoding = parameters.get("encoding");
  if (encoding !== "json" && encoding !== "proto")
    throw unsupported("parameter encoding must be json or proto");
  const version = parameters.get("connect");
  if (version !== null && version !== "v1") {
    throw refused([{ field: "connect", ruleId: "query", message: "must be v1" }]);
  }
  if (parameters.get("base64") === "1" && !/^[A-Za-z0-9+/_-]*={0,2}$/.test(parameters.get("message") ?? "")) {
    throw refused([{ field: "message", ruleId: "query", message: "is no base64" }]);
  }
  return { wire: "connect", binary: encoding === "proto" };
}

export function unsupported(message: string): WeirError {
  return new WeirError("INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE", message);
}

function methodNotAllowed(exchange: Exchange, allowed: readonly string[]): WeirError {
  exchange.setHeader("allow", allowed.join(", "));
  const message = `${exchange.method} is not served here, but ${allowed.join(", ")}`;
  return new WeirError("UNIMPLEMENTED", "METHOD_NOT_ALLOWED", message);
}

/** gRPC has a code of its own for a method that is not there. */
function noSuchRoute(exchange: Exchange, wire: Wire): WeirError {
  const code = wire === "rest" ? "NOT_FOUND" : "UNIMPLEMENTED";
  return new WeirError(
    code,
    "NO_SUCH_ROUTE",
    `nothing is served at ${maskSecrets(exchange.path).slice(0, 200)}`,
  );
}
