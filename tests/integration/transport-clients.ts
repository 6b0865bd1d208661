/** Real clients of every protocol against a test port. */
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import type { Transport } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";

/** Every way a client of connect-node can speak, by name. */
export function transports(baseUrl: string, nodeOptions: object = {}): Record<string, Transport> {
  return {
    "Connect JSON, HTTP/1.1": createConnectTransport({
      baseUrl,
      httpVersion: "1.1",
      useBinaryFormat: false,
      nodeOptions,
    }),
    "Connect binary, HTTP/1.1": createConnectTransport({
      baseUrl,
      httpVersion: "1.1",
      useBinaryFormat: true,
      nodeOptions,
    }),
    "Connect JSON, HTTP/2": createConnectTransport({
      baseUrl,
      httpVersion: "2",
      useBinaryFormat: false,
      nodeOptions,
    }),
    "Connect binary, HTTP/2": createConnectTransport({
      baseUrl,
      httpVersion: "2",
      useBinaryFormat: true,
      nodeOptions,
    }),
    "Connect GET": createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true, nodeOptions }),
    gRPC: createGrpcTransport({ baseUrl, nodeOptions }),
    "gRPC JSON": createGrpcTransport({ baseUrl, nodeOptions, useBinaryFormat: false }),
    "gRPC-Web, HTTP/1.1": createGrpcWebTransport({ baseUrl, httpVersion: "1.1", nodeOptions }),
    "gRPC-Web, HTTP/2": createGrpcWebTransport({ baseUrl, httpVersion: "2", nodeOptions }),
  };
}

/** Code and reason of the error that a call ends with. */
export async function failure(call: Promise<unknown>): Promise<{ code: string; reason: string | undefined }> {
  try {
    await call;
  } catch (error) {
    const { code } = ConnectError.from(error);
    return { code: Code[code]!, reason: reasonOf(error) };
  }
  throw new Error("the call went well");
}

export function reasonOf(error: unknown): string | undefined {
  return ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request over HTTP/2 in the clear, with nothing added to it. */
export function http2Request(
  url: string,
  headers: Record<string, string>,
  body: Uint8Array = new Uint8Array(),
): Promise<RawAnswer> {
  const session = connectHttp2(url);
  return new Promise<RawAnswer>((resolve, reject) => {
    session.on("error", reject);
    const endStream = body.length === 0;
    const stream = session.request({ ":method": "POST", ...headers }, { endStream });
    const parts: Buffer[] = [];
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on("response", (received) => {
      head = received;
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("error", reject);
    stream.on("end", () => {
      resolve({ status: Number(head[":status"]), headers: head, trailers, body: Buffer.concat(parts) });
    });
    if (!endStream) stream.end(body);
  }).finally(() => session.close());
}

/** Sends bytes as they are and returns all that comes until the server closes. */
export function tcpExchange(address: string, bytes: string | Uint8Array): Promise<string> {
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  return new Promise((resolve, reject) => {
    const socket = connectTcp(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.on("data", (part) => {
      text += part.toString("latin1");
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}
