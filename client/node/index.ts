import type * as http2 from "node:http2";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { baseUrl } from "../core/base-url.ts";
import {
  createWeirClientOver,
  knownOptions,
  type WeirClient,
  type WeirClientOptions,
} from "../core/client.ts";
import { checkOptions } from "../core/options.ts";
import { createSessionPool } from "./session-pool.ts";

export * from "../core/index.ts";

export interface NodeWeirClientOptions extends WeirClientOptions {
  /** Address of the server, such as http://127.0.0.1:8080; https for TLS. */
  url: string | URL;
  /** What is spoken over HTTP/2. Default grpc. */
  transport?: "grpc" | "grpc-web" | "connect";
  /** How messages are written. JSON is for Connect, to be read by people. Default binary. */
  format?: "binary" | "json";
  /** Whether requests of 1 KiB and more are sent with gzip. Default false: on a fast network it costs more than it saves. */
  gzip?: boolean;
  /** The greatest number of connections. Default 4. */
  sessions?: number;
  /** Calls on each connection before another one is opened. Default 100. */
  streamsPerSession?: number;
  /** The largest message that an answer may hold, in bytes. Default 64 MiB. */
  readMaxBytes?: number;
  /** TLS and HTTP/2 settings of each connection, such as `ca`. */
  nodeOptions?: http2.ClientSessionOptions | http2.SecureClientSessionOptions;
}

/**
 * A client for Node, over pooled HTTP/2 connections that open with the first call and do not keep the process alive.
 *
 * @throws TypeError where the url is none or an option unknown, RangeError where a figure makes no sense
 */
export function createWeirClient(options: NodeWeirClientOptions): WeirClient {
  checkOptions(options, {
    ...knownOptions,
    url: "any",
    transport: ["grpc", "grpc-web", "connect"],
    format: ["binary", "json"],
    gzip: [true, false],
    sessions: "any",
    streamsPerSession: "any",
    readMaxBytes: "any",
    nodeOptions: "any",
  });
  const {
    url: address,
    transport: spoken,
    format,
    gzip,
    sessions,
    streamsPerSession,
    readMaxBytes,
    nodeOptions,
    ...shared
  } = options;
  const url = baseUrl(address);
  const pool = createSessionPool({
    url,
    sessions: positive("sessions", sessions ?? 4),
    streamsPerSession: positive("streamsPerSession", streamsPerSession ?? 100),
    nodeOptions: nodeOptions ?? {},
  });
  const common = {
    baseUrl: url,
    sessionManager: pool,
    useBinaryFormat: format !== "json",
    readMaxBytes: positive("readMaxBytes", readMaxBytes ?? 64 * 1024 * 1024),
    ...(gzip ? { sendCompression: compressionGzip } : {}),
  };
  const transport = {
    grpc: () => createGrpcTransport(common),
    "grpc-web": () => createGrpcWebTransport({ ...common, httpVersion: "2" }),
    connect: () => createConnectTransport({ ...common, httpVersion: "2" }),
  }[spoken ?? "grpc"]();
  return createWeirClientOver(transport, shared, () => pool.close());
}

function positive(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`${name} must be a whole number from 1, not ${value}`);
  }
  return value;
}
