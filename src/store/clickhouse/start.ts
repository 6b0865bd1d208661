import { ClickHouseError } from "@clickhouse/client";
import { rootOf } from "../../domain/errors.ts";
import { pause } from "../../domain/pause.ts";

const pauseMs = 500;

/**
 * Tries until the server is reached: it and the servers of one installation may start together. What the server itself
 * refuses is not tried again.
 *
 * @throws what the last attempt threw
 */
export async function untilReached<T>(timeoutMs: number, attempt: () => Promise<T>): Promise<T> {
  const never = new AbortController().signal;
  for (const deadline = performance.now() + timeoutMs; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (!isUnreached(error) || performance.now() + pauseMs > deadline) throw error;
      await pause(pauseMs, never);
    }
  }
}

/** Whether the error, or one that caused it, is one of the network. */
function isUnreached(error: unknown): boolean {
  const root = rootOf(error);
  return !(root instanceof ClickHouseError) && root instanceof Error && "code" in root;
}
