import { ClickHouseError } from "@clickhouse/client";
import { rootOf } from "../../domain/errors.ts";
import { pause } from "../../domain/pause.ts";
import type { StartWait } from "../../domain/start-wait.ts";
import { messageOf } from "./failures.ts";

const pauseMs = 500;

/**
 * Tries until the server is reached: it and the servers of one installation may start together. What the server itself
 * refuses is not tried again.
 *
 * @throws what the last attempt threw; the reason of the wait's signal
 */
export async function untilReached<T>(
  timeoutMs: number,
  attempt: () => Promise<T>,
  wait?: StartWait,
): Promise<T> {
  const signal = wait?.signal ?? new AbortController().signal;
  for (const deadline = performance.now() + timeoutMs; ; ) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!isUnreached(error) || performance.now() + pauseMs > deadline) throw error;
      wait?.failed(messageOf(rootOf(error)));
      await pause(pauseMs, signal);
      signal.throwIfAborted();
    }
  }
}

/** Whether the error, or one that caused it, is one of the network. */
function isUnreached(error: unknown): boolean {
  const root = rootOf(error);
  return !(root instanceof ClickHouseError) && root instanceof Error && "code" in root;
}
