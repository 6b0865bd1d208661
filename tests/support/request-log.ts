import { vi } from "vitest";
import type { RunningServer } from "./server.ts";

/** What the access log says of a request. */
export interface RequestLine {
  readonly requestId: string;
  readonly protocol: string;
  readonly method: string;
  readonly code: string;
  readonly reason?: string;
  /** HTTP method. */
  readonly verb: string;
  readonly path: string;
}

/** Waits for the access log's line of a request, which is written once the answer is out. */
export function requestLine(server: RunningServer, requestId: string): Promise<RequestLine> {
  return vi.waitFor(
    () => {
      const line = server
        .log()
        .split("\n")
        .find((text) => text.includes(`"requestId":${JSON.stringify(requestId)}`) && text.endsWith("}"));
      if (line === undefined) throw new Error(`the log has no line of request ${requestId}`);
      return JSON.parse(line) as RequestLine;
    },
    { timeout: 10_000 },
  );
}
