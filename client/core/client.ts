import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { ConsumerService } from "../../gen/analytics/v1/consumer_pb.js";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { MetricsService } from "../../gen/analytics/v1/metrics_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { type RetryPolicy, retryPolicy } from "./backoff.ts";
import { createCallTransport, type RetryNotice } from "./calls.ts";
import { createCredentials, type TokenProvider } from "./credentials.ts";
import { type ClientEnvironment, platformEnvironment } from "./environment.ts";
import { checkOptions, type KnownOptions } from "./options.ts";

/** What every client takes, whatever carries its calls. */
export interface WeirClientOptions {
  /**
   * Key of the project, sent as x-api-key: printable ASCII, without regard to white space around it. An open server needs
   * none.
   */
  apiKey?: string;
  /** In place of apiKey: gives tokens of an identity provider, sent as Authorization: Bearer and renewed in time. */
  token?: TokenProvider;
  /** Further headers of every call; a call's own headers go before them. */
  headers?: HeadersInit;
  /**
   * Deadline of a unary call over all its attempts, in ms, where the call names none of its own (`timeoutMs` of its
   * options). 0: none. Default 30,000. Streams have none unless their call names one.
   */
  timeoutMs?: number;
  /** How calls are tried again that are safe to repeat: reads, and events, which ids deduplicate. */
  retry?: Partial<RetryPolicy>;
  /** Told of each attempt that failed and is tried again. What it throws ends the call instead. */
  onRetry?: (notice: RetryNotice) => void;
  /** Clocks, randomness and ids, for tests. Default: the platform's. */
  environment?: Partial<ClientEnvironment>;
}

export const knownOptions: KnownOptions<WeirClientOptions> = {
  apiKey: "any",
  token: "any",
  headers: "any",
  timeoutMs: "any",
  retry: "any",
  onRetry: "any",
  environment: "any",
};

/**
 * Every service of the contract, typed. Calls fail with ConnectError; `errorReason` tells why in one word. A stream ends
 * early by the `signal` of its call's options; leaving the loop over it alone does not end it.
 */
export interface WeirClient {
  /** Events with all the contract offers. An event without an id gets a UUIDv7 before the first attempt. */
  readonly ingestion: Client<typeof EventIngestionService>;
  /** Flat events, as curl sends them. */
  readonly producer: Client<typeof ProducerService>;
  /** How far the log is applied to the store. */
  readonly consumer: Client<typeof ConsumerService>;
  /** Questions about the events. */
  readonly analytics: Client<typeof AnalyticsService>;
  /** The server's own figures. */
  readonly metrics: Client<typeof MetricsService>;
  /** Keys, settings, dead letters and deletions of a project. */
  readonly admin: Client<typeof AdminService>;
  /** grpc.health.v1, as load balancers ask it. */
  readonly serving: Client<typeof Health>;
  /** For a client of another service of the same server: `createClient(ServerReflection, weir.transport)`. */
  readonly transport: Transport;
  /** Cancels what is under way, refuses what comes later and closes the connections. */
  close(): Promise<void>;
}

/**
 * A client over a transport of @connectrpc/connect that has no retries or deadlines of its own. client/node and
 * client/web make the transport too.
 *
 * @param closeTransport closes the transport's connections, last
 * @throws TypeError for an unknown option, apiKey and token at once, or a key or header that cannot be sent, RangeError
 * where a figure makes no sense
 */
export function createWeirClientOver(
  transport: Transport,
  options: WeirClientOptions = {},
  closeTransport: () => void | Promise<void> = () => {},
): WeirClient {
  checkOptions(options, knownOptions);
  const timeoutMs = options.timeoutMs ?? 30_000;
  if (!(timeoutMs >= 0)) throw new RangeError(`timeoutMs must be 0 or more, not ${timeoutMs}`);
  const environment = { ...platformEnvironment, ...options.environment };
  const calls = createCallTransport(transport, {
    credentials: createCredentials(options.apiKey, options.token, environment.now),
    headers: sendable(options.headers),
    timeoutMs,
    retry: retryPolicy(options.retry),
    onRetry: options.onRetry,
    environment,
  });
  return {
    ingestion: createClient(EventIngestionService, calls),
    producer: createClient(ProducerService, calls),
    consumer: createClient(ConsumerService, calls),
    analytics: createClient(AnalyticsService, calls),
    metrics: createClient(MetricsService, calls),
    admin: createClient(AdminService, calls),
    serving: createClient(Health, calls),
    transport: calls,
    async close() {
      calls.close();
      await closeTransport();
    },
  };
}

/** @throws TypeError where a value cannot be sent, without the value, which may be a secret */
function sendable(headers: HeadersInit | undefined): Headers {
  try {
    return new Headers(headers);
  } catch {
    throw new TypeError("headers hold a name or value that cannot be sent");
  }
}
