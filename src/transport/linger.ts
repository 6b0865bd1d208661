/**
 * What happens to a body that nobody reads, once the answer is written. Over HTTP/1.1 it is taken for a while and
 * dropped: closed at once, the connection would be reset and the sender could lose the answer. Over HTTP/2 the stream
 * is reset without an error, which tells the sender to stop.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Limits } from "./limits.ts";

export function lingerAfter(
  request: IncomingMessage,
  response: ServerResponse,
  { lingerBytes, lingerMs }: Pick<Limits, "lingerBytes" | "lingerMs">,
): void {
  response.once("finish", () => {
    if (request.complete || request.destroyed) return;
    if (request.httpVersionMajor === 2) {
      const noError = 0;
      (request as unknown as { stream: { close(code: number): void } }).stream.close(noError);
      return;
    }
    let left = lingerBytes;
    const { socket } = request;
    const give = () => socket.destroy();
    const timer = setTimeout(give, lingerMs).unref();
    request.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) give();
    });
    request.once("close", () => clearTimeout(timer));
    request.once("end", () => clearTimeout(timer));
    request.resume();
  });
}
