import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { baseUrl } from "../core/base-url.ts";
import {
  createWeirClientOver,
  knownOptions,
  type WeirClient,
  type WeirClientOptions,
} from "../core/client.ts";
import { checkOptions } from "../core/options.ts";
import { refuseRequestStreams } from "./fetch-transport.ts";

export * from "../core/index.ts";

export interface WebWeirClientOptions extends WeirClientOptions {
  /** Address of the server, such as https://events.example.com. Default: where the page came from. */
  url?: string | URL;
  /** What is spoken over fetch. Default connect. */
  transport?: "connect" | "grpc-web";
  /** How messages are written. JSON is for Connect, to be read in the browser's tools. Default binary. */
  format?: "binary" | "json";
  /** Whether reads over Connect are GET requests. Default false. */
  httpGet?: boolean;
  /** What is called in place of the page's own fetch. */
  fetch?: typeof globalThis.fetch;
}

/**
 * A client for browsers and whatever else has fetch. Server streams arrive message by message; StreamEvents is refused
 * with UNIMPLEMENTED, since fetch cannot stream in both directions.
 *
 * @throws TypeError where the url is none or an option unknown, RangeError where a figure makes no sense
 */
export function createWeirClient(options: WebWeirClientOptions = {}): WeirClient {
  checkOptions(options, {
    ...knownOptions,
    url: "any",
    transport: ["connect", "grpc-web"],
    format: ["binary", "json"],
    httpGet: [true, false],
    fetch: "any",
  });
  const { url, transport: spoken, format, httpGet, fetch, ...shared } = options;
  const common = {
    baseUrl: baseUrl(url ?? globalThis.location.origin),
    useBinaryFormat: format !== "json",
    ...(fetch === undefined ? {} : { fetch }),
  };
  const transport =
    spoken === "grpc-web"
      ? createGrpcWebTransport(common)
      : createConnectTransport({ ...common, useHttpGet: httpGet ?? false });
  return createWeirClientOver(refuseRequestStreams(transport), shared);
}
