/**
 * What happens to a body that nobody reads, once the answer is written: it is taken for a while and dropped, so that
 * the sender gets to read the answer. A connection of HTTP/1.1 that is closed at once is reset, and a stream of HTTP/2
 * that is reset at once takes its trailers along.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Limits } from "./limits.ts";

export function lingerAfter(
  request: IncomingMessage,
  response: ServerResponse,
  { lingerBytes, lingerMs }: Pick<Limits, "lingerBytes" | "lingerMs">,
): void {
  const stream = http2StreamOf(request);
  // The response of HTTP/2 says that it is finished only once its stream is closed.
  (stream ?? response).once("finish", () => {
    if (request.complete || request.destroyed) return;
    const noError = 0;
    const give = () => (stream === undefined ? request.socket.destroy() : stream.close(noError));
    const timer = setTimeout(give, lingerMs).unref();
    let left = lingerBytes;
    request.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) give();
    });
    const over = () => clearTimeout(timer);
    request.once("close", over);
    request.once("end", over);
    request.resume();
  });
}

interface Http2Stream {
  once(event: "finish", listener: () => void): unknown;
  close(code: number): void;
}

function http2StreamOf(request: IncomingMessage): Http2Stream | undefined {
  return request.httpVersionMajor === 2 ? (request as unknown as { stream: Http2Stream }).stream : undefined;
}
