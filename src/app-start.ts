/** Part of the composition root: what a start waits for is told, and a stop ends the wait. */
import type { StartWait } from "./domain/start-wait.ts";
import type { Logger } from "./telemetry/logger.ts";

/** What the operator is told of first, and then again from time to time, in milliseconds. */
const pauses = { first: 1000, next: 10_000 };

/** The server was told to stop: nobody waits any more for what is under way. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

export interface Start {
  /** Aborted where the start is given up. */
  readonly signal: AbortSignal;
  /**
   * Does what may wait for another system, of which the log tells once it takes long.
   *
   * @param what is waited for, such as Kafka at its addresses
   * @throws the signal's reason where it is aborted, else what `work` throws
   */
  waitFor<T>(what: string, work: (wait: StartWait) => Promise<T>): Promise<T>;
}

export function createStart(signal: AbortSignal, logger: Logger): Start {
  return {
    signal,
    async waitFor(what, work) {
      signal.throwIfAborted();
      let trouble = "";
      let timer = setTimeout(tell, pauses.first);
      function tell(): void {
        logger.warn({ stage: "start" }, `waiting for ${what}: ${trouble || "no answer yet"}`);
        timer = setTimeout(tell, pauses.next);
      }
      try {
        const failed = (why: string) => {
          trouble = why;
        };
        return await work({ signal, failed });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
