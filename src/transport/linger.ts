/**
 * What happens to a body that nobody reads, once the answer is written: it is taken for a while and dropped, so that
 * the sender gets to read the answer. A connection of HTTP/1.1 that is closed at once is reset, and a stream of HTTP/2
 * that is reset at once takes its trailers along.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Limits } from "./limits.ts";

export interface LingerOptions extends Pick<Limits, "lingerBytes" | "lingerMs"> {
  /** Aborted when the server stops: then nobody is waited for much longer. */
  readonly stopping: AbortSignal;
}

/** How long the server that stops still waits, in milliseconds. */
const hurriedMs = 100;

export function lingerAfter(
  request: IncomingMessage,
  response: ServerResponse,
  { lingerBytes, lingerMs, stopping }: LingerOptions,
): void {
  const stream = http2StreamOf(request);
  // The response of HTTP/2 says that it is finished only once its stream is closed. That of HTTP/1.1 is heard before
  // Node hears it, and closes the connection of a caller that asked for that.
  (stream ?? response).prependOnceListener("finish", () => {
    if (request.complete || request.destroyed) return;
    const release = stream === undefined ? holdOpen(request.socket) : () => {};
    const noError = 0;
    const give = () => (stream === undefined ? request.socket.destroy() : stream.close(noError));
    let timer = setTimeout(give, stopping.aborted ? hurriedMs : lingerMs).unref();
    const hurry = () => {
      clearTimeout(timer);
      timer = setTimeout(give, hurriedMs).unref();
    };
    stopping.addEventListener("abort", hurry, { once: true });
    let left = lingerBytes;
    request.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) give();
    });
    const over = () => {
      clearTimeout(timer);
      stopping.removeEventListener("abort", hurry);
      release();
    };
    request.once("close", over);
    request.once("end", over);
    request.resume();
  });
}

/** Puts off that the connection is closed once all is written. @returns what lets it be closed */
function holdOpen(socket: Socket): () => void {
  let wanted = false;
  let held = true;
  socket.destroySoon = () => {
    wanted = true;
  };
  return () => {
    if (!held) return;
    held = false;
    // Uncovers the method of every socket.
    delete (socket as Partial<Socket>).destroySoon;
    if (wanted) socket.destroySoon();
  };
}

interface Http2Stream {
  prependOnceListener(event: "finish", listener: () => void): unknown;
  close(code: number): void;
}

function http2StreamOf(request: IncomingMessage): Http2Stream | undefined {
  return request.httpVersionMajor === 2 ? (request as unknown as { stream: Http2Stream }).stream : undefined;
}
