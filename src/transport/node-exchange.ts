/** An Exchange over Node's request and response; those of HTTP/2 have the same shape. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { WeirError } from "../domain/errors.ts";
import { readBody, readChunks } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import type { Intake } from "./intake.ts";
import { type LingerOptions, lingerAfter } from "./linger.ts";

export interface NodeExchange extends Exchange {
  /** The body as it comes, compressed as it is, once. Left before its end it is not read further. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Resolves once the answer is written or the caller is gone. */
  readonly closed: Promise<void>;
}

export function createNodeExchange(
  request: IncomingMessage,
  response: ServerResponse,
  linger: LingerOptions,
): NodeExchange {
  const http2 = request.httpVersionMajor === 2;
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const controller = new AbortController();
  let expectsContinue = !http2 && request.headers.expect?.toLowerCase() === "100-continue";
  let over = false;
  const closed = new Promise<void>((resolve) => {
    response.once("close", () => {
      over = true;
      // A stream of HTTP/2 that was reset says that it is finished, but not that it was ended.
      if (!(http2 ? response.writableEnded : response.writableFinished)) controller.abort(gone());
      resolve();
    });
  });
  lingerAfter(request, response, linger);
  let intake: Pick<Intake, "came" | "grew"> = uncounted;
  const chunks = () => {
    const source = expectsContinue ? continued(request, response) : readChunks(request);
    expectsContinue = false;
    return intake === uncounted ? source : counted(source, intake);
  };
  const writeAll = async (body: AsyncIterable<Uint8Array>) => {
    for await (const piece of body) {
      if (over) return;
      if (!response.write(piece)) await drained(response);
    }
    response.end();
  };
  const begin = (status: number, headers: Readonly<Record<string, string>>): boolean => {
    if (over || response.headersSent) return false;
    response.writeHead(status, headers);
    return true;
  };
  /**
   * An answer without a body over HTTP/2, whose head is its end too: where gRPC's status stands in the head, clients in Go
   * take nothing else for an answer.
   */
  const headAlone = (status: number, headers: Readonly<Record<string, string>>): void => {
    if (over || response.headersSent) return;
    response.statusCode = status;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end();
  };
  return {
    method: request.method ?? "",
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? "" : url.slice(mark + 1),
    httpVersion: http2 ? "2" : "1.1",
    secure: "encrypted" in request.socket && request.socket.encrypted === true,
    signal: controller.signal,
    closed,
    arrived: () => (http2 ? hasEnded(request) : request.complete),
    header: (name) => (name === "host" ? hostOf(request) : headerOf(request, name)),
    chunks,
    body: (maxBytes) => readBody(chunks(), (name) => headerOf(request, name), maxBytes, intake.grew),
    countBy: (by) => {
      intake = by;
    },
    setHeader: (name, value) => {
      // HTTP/2 has no connections to speak of in a header.
      if (!response.headersSent && !(http2 && name === "connection")) response.setHeader(name, value);
    },
    respond: async (status, headers, body) => {
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      const length = status === 204 ? {} : { "content-length": String(bytes.length) };
      if (http2 && bytes.length === 0) {
        headAlone(status, { ...headers, ...length });
        await closed;
        return;
      }
      if (!begin(status, { ...headers, ...length })) return;
      response.end(bytes);
      await closed;
    },
    stream: async (status, headers, body, signal) => {
      if (!begin(status, headers)) return;
      // The status is sent: only a body cut short tells of a failure. What the reader leaves unread may never go out.
      const cut = () => cutOff(request, response);
      signal.addEventListener("abort", cut, { once: true });
      try {
        if (request.method === "HEAD") response.end();
        else await writeAll(body);
      } catch {
        cut();
      }
      await closed;
      signal.removeEventListener("abort", cut);
    },
  };
}

/** The gate has let it in, and its stated length is none too much: once somebody reads, the body may come. */
async function* continued(request: IncomingMessage, response: ServerResponse): AsyncGenerator<Uint8Array> {
  response.writeContinue();
  yield* readChunks(request);
}

const uncounted: Pick<Intake, "came" | "grew"> = { came: () => {}, grew: () => {} };

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  { came }: Pick<Intake, "came">,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    came(chunk.length);
    yield chunk;
  }
}

function gone(): WeirError {
  return new WeirError("CANCELLED", "CANCELLED", "the caller went away");
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/**
 * HTTP/2 names the host in :authority, as does a target that is a whole URL; a Host beside it that says something else is one too many, as is a second one,
 * of which Node keeps the first and a server before this one may have gone by the other.
 */
function hostOf(request: IncomingMessage): string | undefined {
  const authority = request.headers[":authority"] as string | undefined;
  const hosts: string[] = [];
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === "host")
      hosts.push(rawHeaders[i + 1]!);
  }
  if (authority === undefined) return hosts.length === 0 ? undefined : hosts.join(", ");
  return hosts.every((host) => host === authority) ? authority : [authority, ...hosts].join(", ");
}

/** States of a stream of HTTP/2, as nghttp2 numbers them, in which more of the request may come: open, and answered already. */
const receivingStates: readonly (number | undefined)[] = [2, 5];

/** Whether a request of HTTP/2 has come whole, or is over. */
function hasEnded(request: IncomingMessage): boolean {
  const { stream } = request as unknown as { stream: { state: { state?: number } } };
  return !receivingStates.includes(stream.state.state);
}

/** Ends a response before its body's end, so that its reader notices. */
export function cutOff(request: IncomingMessage, response: ServerResponse): void {
  const { httpVersion, socket } = request;
  // Without an error a stream of HTTP/2 ends as if it were whole, and so does a connection of HTTP/1.0 without a reset.
  if (httpVersion === "2.0") response.destroy(new Error("the answer is cut short"));
  else if (httpVersion === "1.0" && !("encrypted" in socket)) socket.resetAndDestroy();
  else response.destroy();
}

/** Resolves once more can be written, or the response is closed. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}
