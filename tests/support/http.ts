import { request as http1Request } from "node:http";
import { connect as connectHttp2 } from "node:http2";

/** A request with nothing added to it by a client that means well. */
export interface RawRequest {
  readonly version: "1.1" | "2";
  readonly verb: string;
  /** With the query. */
  readonly path: string;
  /** `host` becomes :authority over HTTP/2. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** The body's length is not said before it comes, as never over HTTP/2. */
  readonly chunked?: boolean;
  /** The body's end never comes. Over HTTP/2 only. */
  readonly unfinished?: boolean;
  /** The answer has no end, and is left at its first bytes. Over HTTP/2 only. */
  readonly endless?: boolean;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Those that gRPC sends behind the body. */
  readonly trailers: Headers;
  readonly body: Buffer;
}

/** Answers are all there within milliseconds; a server that gives none is a defect. */
const answerDeadlineMs = 20_000;

/** Sends a request on a connection of its own. */
export function sendRaw(url: string, request: RawRequest): Promise<RawAnswer> {
  return request.version === "2" ? overHttp2(url, request) : overHttp1(url, request);
}

function overHttp1(url: string, { verb, path, headers, body, chunked }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const length = body === undefined || chunked ? {} : { "content-length": String(body.length) };
    const signal = AbortSignal.timeout(answerDeadlineMs);
    const options = { hostname, port, method: verb, path, headers: { ...length, ...headers }, signal };
    const request = http1Request({ ...options, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          headers: headersOf(response.headers),
          trailers: headersOf(response.trailers),
          body: Buffer.concat(parts),
        }),
      );
    });
    let answered = false;
    request.on("response", () => {
      answered = true;
    });
    // A server that refuses a body need not read it to its end.
    request.on("error", (error) => answered || reject(error));
    if (chunked) request.flushHeaders();
    request.end(body);
  });
}

function overHttp2(
  url: string,
  { verb, path, headers, body, endless, unfinished }: RawRequest,
): Promise<RawAnswer> {
  const { host, ...others } = headers;
  const session = connectHttp2(url);
  const answer = new Promise<RawAnswer>((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request(
      { ":method": verb, ":path": path, ...(host === undefined ? {} : { ":authority": host }), ...others },
      { endStream: body === undefined, signal: AbortSignal.timeout(answerDeadlineMs) },
    );
    const parts: Buffer[] = [];
    let head: Headers | undefined;
    let trailers = new Headers();
    let status = 0;
    stream.on("response", (received) => {
      status = Number(received[":status"]);
      head = headersOf(received);
    });
    stream.on("trailers", (received) => {
      trailers = headersOf(received);
    });
    stream.on("data", (part: Buffer) => {
      parts.push(part);
      if (endless) stream.close();
    });
    stream.on("error", (error) => head ?? reject(error));
    stream.on("close", () => {
      if (head === undefined) reject(new Error("the stream ended without an answer"));
      else resolve({ status, headers: head, trailers, body: Buffer.concat(parts) });
    });
    if (unfinished) {
      stream.write(body);
      stream.on("end", () => stream.close());
    } else if (body !== undefined) stream.end(body);
  });
  return answer.finally(() => session.destroy());
}

function headersOf(received: Readonly<Record<string, unknown>>): Headers {
  return new Headers(
    Object.entries(received).flatMap(([name, value]): [string, string][] =>
      name.startsWith(":") || value === undefined ? [] : [[name, String(value)]],
    ),
  );
}
