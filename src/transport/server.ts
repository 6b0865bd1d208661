/** The single port: wires listener, front, gate, protocols and pages together, and starts and stops them. */

import type { Authenticator, Rates } from "../auth/auth.ts";
import { openApiDocument } from "../contract/openapi.ts";
import { Scope } from "../contract/options.ts";
import { contractServices } from "../contract/registry.ts";
import { isLoopback, parseAddress } from "../domain/address.ts";
import type { ServiceBinding } from "../domain/call.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { createCalls } from "./calls.ts";
import { mountConnect } from "./connect.ts";
import { createEngine } from "./fastify.ts";
import { createFront } from "./front.ts";
import { createGate } from "./gate.ts";
import { grpcHealthService } from "./grpc-health.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { createListener, type TlsOptions } from "./listener.ts";
import type { CallRecord, TransportLog } from "./log.ts";
import { type MountedMethod, mountMethods } from "./methods.ts";
import { createNodeExchange } from "./node-exchange.ts";
import { createOriginPolicy, type OriginPolicy } from "./origins.ts";
import { isReady, ownPages, type PageSources, plainPages } from "./pages.ts";
import { reflectionServices } from "./reflection.ts";
import { createRest } from "./rest.ts";
import { createRoutes } from "./routes.ts";

export interface TransportOptions {
  /** Addresses such as 127.0.0.1:8080 or [::1]:0; all serve the same. Port 0 takes a free one. */
  readonly listen: readonly string[];
  /** With it every address of `listen` speaks TLS. */
  readonly tls?: TlsOptions;
  /** What is not bound answers UNIMPLEMENTED. */
  readonly services: readonly ServiceBinding[];
  readonly authenticator: Authenticator;
  /** What is left out is not limited. */
  readonly rates?: Rates;
  /** Whether calls need no key; then Host and Origin are checked. */
  readonly open: boolean;
  /** Further origins and hosts that are answered. */
  readonly allowedOrigins: readonly string[];
  /** What is left out has its default. */
  readonly limits?: Partial<Limits>;
  readonly log: TransportLog;
  /** Told of every request once it is answered. */
  readonly observe?: (call: CallRecord) => void;
  /** Told of each call that was let in, and once it is over. */
  readonly underWay?: (change: 1 | -1) => void;
  readonly pages: PageSources;
  /** Default: calls are not traced. */
  readonly tracing?: Tracing | undefined;
  /**
   * Addresses that serve /metrics, /stats, /lag, /health and /ready alone, without a key, in the clear. Host and Origin are
   * checked where all of them are loopback.
   */
  readonly metricsListen?: readonly string[];
}

export interface Transport {
  /**
   * Listens on every address.
   *
   * @returns the addresses of `listen` with the ports that were taken
   * @throws Error of Node (EADDRINUSE and its kin) where one cannot be had; none is listened on then
   */
  start(): Promise<readonly string[]>;
  /** The addresses of `metricsListen` with the ports that were taken, once started. */
  readonly metricsAddresses: readonly string[];
  /** What is bounded: how much of it is taken, and how often there was no room. */
  readonly room: {
    calls(): { used: number; limit: number; refused: number };
    requestMemory(): { used: number; limit: number; refused: number };
    /** Of all addresses of `listen` together. */
    connections(): { used: number; limit: number; refused: number };
  };
  /**
   * Takes no more calls, ends streams, waits for unary calls, then ends every connection.
   *
   * @param timeoutMs how long calls under way are waited for
   */
  close(timeoutMs: number): Promise<void>;
}

export async function createTransport(options: TransportOptions): Promise<Transport> {
  const { listen, tls, authenticator, open, allowedOrigins, log, pages, metricsListen = [] } = options;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const { observe = () => {}, underWay = () => {}, rates = withoutLimits, tracing } = options;
  const methods = mountAll(options);
  const openApi = openApiDocument({ services: contractServices, version: pages.version });
  const calls = createCalls(log);
  const rest = createRest(calls, limits.maxBodyBytes);
  const origins = createOriginPolicy({
    open,
    loopback: allLoopback(listen),
    allowed: allowedOrigins,
    allowedBySomeKey: (origin) => authenticator.allowsOrigin(origin),
  });
  const gate = createGate({ authenticator, rates, limits, trusts: origins.trusts });
  const routes = createRoutes(methods, plainPages(pages, openApi));
  const front = createFront({ routes, gate, rest, origins, log, observe, underWay, tracing });
  const refusals = { log, observe };
  const stopping = new AbortController();
  const linger = { ...limits, stopping: stopping.signal };
  const engine = await createEngine({
    front,
    stopping: stopping.signal,
    routes: (router) => mountConnect(router, { methods, calls, maxBodyBytes: limits.maxBodyBytes }),
    limits,
    refusals,
  });
  const { onRequest, onHttp2 } = engine;
  const listener = createListener({
    limits,
    refusals,
    ...(tls === undefined ? {} : { tls }),
    onRequest,
    onHttp2,
  });

  const figures = createFront({
    routes: createRoutes([], ownPages(pages)),
    gate,
    rest,
    origins: figuresOrigins(metricsListen, allowedOrigins),
    log,
    observe,
    underWay,
  });
  const figuresListener = createListener({
    limits,
    refusals,
    onRequest: (request, response) => void figures(createNodeExchange(request, response, linger)),
  });

  const metricsAddresses: string[] = [];
  return {
    metricsAddresses,
    room: {
      calls: () => ({ used: gate.size, limit: limits.maxCalls, refused: gate.refused }),
      requestMemory: () => ({
        used: gate.memory.held,
        limit: limits.maxRequestMemoryBytes,
        refused: gate.memory.refused,
      }),
      connections: () => {
        const { open: used, refused } = listener.connections();
        return { used, limit: limits.maxConnections * listen.length, refused };
      },
    },
    start: async () => {
      try {
        const addresses: string[] = [];
        for (const address of listen) addresses.push(await listener.listen(address));
        for (const address of metricsListen) metricsAddresses.push(await figuresListener.listen(address));
        return addresses;
      } catch (error) {
        await stopAll();
        throw error;
      }
    },
    close: async (timeoutMs) => {
      stopping.abort();
      gate.close();
      listener.stop();
      figuresListener.stop();
      engine.stop();
      await within(gate.empty(), timeoutMs);
      await stopAll();
    },
  };

  async function stopAll(): Promise<void> {
    gate.close();
    listener.stop();
    figuresListener.stop();
    await engine.close();
    listener.destroy();
    figuresListener.destroy();
  }
}

function allLoopback(addresses: readonly string[]): boolean {
  return addresses.every((address) => isLoopback(parseAddress(address)?.host ?? ""));
}

/** Figures need no key: on loopback they are kept from pages elsewhere as an open server is, and pages read them nowhere. */
function figuresOrigins(addresses: readonly string[], allowed: readonly string[]): OriginPolicy {
  const checked = allLoopback(addresses);
  const policy = createOriginPolicy({
    open: checked,
    loopback: checked,
    allowed,
    allowedBySomeKey: () => false,
  });
  return { ...policy, sharesWith: () => false };
}

/** The contract's methods, bound or not, and those of the port itself. */
function mountAll({ services, pages }: TransportOptions): MountedMethod[] {
  const bindings = contractServices.map(
    (service): ServiceBinding =>
      services.find((binding) => binding.service === service) ?? { service, implementation: {} },
  );
  const names = contractServices.map((service) => service.typeName);
  const elsewhere = new Set(
    bindings.flatMap((binding) => (binding.elsewhere ? [binding.service.typeName] : [])),
  );
  const health = grpcHealthService({ services: names, elsewhere, ready: () => isReady(pages) });
  const reflection = reflectionServices([...contractServices, health.service]);
  return [
    ...bindings.flatMap((binding) => mountMethods(binding)),
    ...mountMethods(health, Scope.OPEN),
    ...reflection.flatMap((binding) => mountMethods(binding, Scope.ANY)),
  ];
}

const withoutLimits: Rates = { enter: () => ({ bytes: () => {}, leave: () => {} }) };

/** Resolves with the promise, or when the time is up. */
async function within(promise: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
