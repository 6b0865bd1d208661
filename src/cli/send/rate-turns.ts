/** Sending at the rate that the server allows. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectError } from "@connectrpc/connect";
import { serverDelayMs } from "../../../client/core/backoff.ts";
import { isRateLimited } from "../connection.ts";

/** A limit may be lifted meanwhile, so the server is asked again after this long, however long it said. In ms. */
const longestWaitMs = 60_000;
const shortestWaitMs = 50;

export interface RateTurns {
  /**
   * Sends until the answer is something else than a refusal for a rate, after which the server's delay is waited out. From
   * the first such refusal on it is one request at a time: more would only take the turn from each other. Whoever waits for
   * a turn fails of what the one before failed of.
   */
  run<T>(send: () => Promise<T>): Promise<T>;
}

/** @param onLimited is told of the first refusal */
export function createRateTurns(onLimited: (error: ConnectError) => void): RateTurns {
  let limited = false;
  let untilMs = 0;
  let last: Promise<unknown> = Promise.resolve();

  /** @throws what is no refusal for a rate */
  function note(error: unknown): void {
    if (!isRateLimited(error)) throw error;
    if (!limited) onLimited(error);
    limited = true;
    const delayMs = Math.min(longestWaitMs, Math.max(shortestWaitMs, serverDelayMs(error, Date.now)));
    untilMs = performance.now() + delayMs;
  }

  async function untilTaken<T>(send: () => Promise<T>): Promise<T> {
    for (;;) {
      await sleep(Math.max(0, untilMs - performance.now()));
      try {
        return await send();
      } catch (error) {
        note(error);
      }
    }
  }

  return {
    async run(send) {
      if (!limited) {
        try {
          return await send();
        } catch (error) {
          note(error);
        }
      }
      const turn = last.then(() => untilTaken(send));
      last = turn;
      return turn;
    },
  };
}
