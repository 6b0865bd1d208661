/**
 * The one place that knows Fastify, node:http2 and the Connect plugin. One Fastify instance serves the connections of
 * both HTTP versions: every request goes to the front first; the plugin takes over what the front passes on.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import { type ConnectRouter, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import { compressionGzip } from "@connectrpc/connect-node";
import fastify from "fastify";
import { WeirError } from "../domain/errors.ts";
import { pause } from "../domain/pause.ts";
import { type ConnectCall, connectCallKey } from "./connect.ts";
import type { Front } from "./front.ts";
import type { Limits } from "./limits.ts";
import { headerBytes, headersTooLarge, type RefusalWatch, refuse } from "./malformed.ts";
import { isUnary } from "./methods.ts";
import { createNodeExchange, cutOff } from "./node-exchange.ts";
import { toOriginForm } from "./request-target.ts";

/** How long the last answers may take to leave once all calls have ended, before connections are cut. */
const flushMs = 500;

type Http2Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

export interface EngineOptions {
  readonly front: Front;
  readonly routes: (router: ConnectRouter) => void;
  readonly limits: Limits;
  /** Told of requests whose headers are too large. */
  readonly refusals: RefusalWatch;
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal;
}

/** Serves requests; the listener brings them. */
export interface Engine {
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  onHttp2(socket: Socket): void;
  /** Tells every HTTP/2 connection to send no more calls (GOAWAY); each closes once its calls are answered. */
  stop(): void;
  close(): Promise<void>;
}

export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { front, routes, limits, refusals, stopping } = options;
  const linger = { ...limits, stopping };
  const calls = new WeakMap<IncomingMessage, ConnectCall>();
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  const app = fastify({
    serverFactory: (handler) => {
      handle = handler as typeof handle;
      return createServer(handler as never);
    },
    // The front answers while the server stops, in the words of each protocol.
    return503OnClosing: false,
    routerOptions: {
      maxParamLength: limits.maxHeaderBytes,
      onBadUrl: (_, request, response) => serve(request, response),
    },
  });
  const enter = async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const exchange = createNodeExchange(request, response, linger);
    const passed = await front(exchange);
    if (passed === undefined) return false;
    const { context, type, done } = passed;
    calls.set(request, { context, type, chunks: exchange.chunks });
    forgiveLostWrites(response);
    if (!isUnary(context.method)) {
      // Who takes nothing does not take either why it ends.
      const cutLater = () => {
        const timer = setTimeout(() => cutOff(request, response), limits.streamCutMs);
        void exchange.closed.then(() => clearTimeout(timer));
      };
      context.lifetime.signal.addEventListener("abort", cutLater, { once: true });
    }
    void exchange.closed.then(done);
    return true;
  };
  const serve = (request: IncomingMessage, response: ServerResponse) => void enter(request, response);
  app.addHook("onRequest", async (request, reply) => {
    if (await enter(request.raw, reply.raw)) return;
    reply.hijack();
  });
  app.register(fastifyConnectPlugin, {
    routes,
    acceptCompression: [compressionGzip],
    readMaxBytes: limits.maxBodyBytes,
    requestGate: endByReason,
    contextValues: (request) => createContextValues().set(connectCallKey, calls.get(request.raw)),
  });
  await app.ready();

  const sessions = new Set<ServerHttp2Session>();
  const http2 = createHttp2Server({
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      initialWindowSize: limits.initialWindowBytes,
      maxHeaderListSize: limits.maxHeaderBytes,
    },
    streamResetBurst: limits.streamResetBurst,
    streamResetRate: limits.streamResetRate,
  });
  const onRequest: Http2Handler = (request, response) => {
    // Node tells callers the limit, but does not hold them to it.
    if (headerBytes(request.rawHeaders) > limits.maxHeaderBytes) {
      const { status, headers, body } = refuse(headersTooLarge, refusals);
      response.writeHead(status, headers);
      response.end(body);
      return;
    }
    handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  };
  http2.on("request", onRequest);
  http2.on("checkExpectation", onRequest);
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.setLocalWindowSize(limits.sessionWindowBytes);
    // A call that is under way on it, however quiet, is still answered; the next one makes a new connection.
    session.setTimeout(limits.keepAliveMs, () => session.close());
  });
  // A broken connection is the caller's affair.
  http2.on("sessionError", () => {});
  return {
    onRequest: (request, response) => {
      toOriginForm(request);
      handle(request, response);
    },
    onHttp2: (socket) => http2.emit("connection", socket),
    stop: () => {
      for (const session of sessions) session.close();
    },
    close: async () => {
      // Ended answers may still be on their way out: a session that is told to close does so once they are.
      const closed = [...sessions].map((session) => new Promise((resolve) => session.once("close", resolve)));
      const overdue = new AbortController();
      await Promise.race([Promise.all(closed), pause(flushMs, overdue.signal)]);
      overdue.abort();
      for (const session of sessions) session.destroy();
      await app.close();
    },
  };
}

const answered = new Error("the call is answered");

/**
 * connect-es aborts the signal of every call that is over, and gives no reason: Node then makes a DOMException with its stack, which
 * costs more than all checks of the call together. Nobody listens to that signal here: a call ends by its lifetime.
 */
function endByReason(context: HandlerContext & { abort?: (reason?: unknown) => void }): void {
  const { abort } = context;
  if (abort !== undefined) context.abort = (reason = answered) => abort(reason);
}

/**
 * A write that fails is the caller's going away, which the plugin knows by this code alone: anything else it takes for a
 * defect, and tells standard error.
 */
function forgiveLostWrites(response: ServerResponse): void {
  const write = response.write.bind(response) as (...args: unknown[]) => boolean;
  type Callback = (error?: Error | null) => void;
  response.write = (chunk: unknown, encoding?: unknown, callback?: Callback) =>
    write(chunk, encoding, (error?: Error | null) => {
      if (!error) return callback?.();
      const cause = Object.assign(error, { code: "ERR_STREAM_DESTROYED" });
      callback?.(new WeirError("CANCELLED", "CANCELLED", "the caller went away", { cause }));
    });
}
