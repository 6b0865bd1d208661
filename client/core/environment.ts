import { createUuid7 } from "./uuid7.ts";

/** Time, randomness and ids, passed in so that tests need neither sleep nor luck. */
export interface ClientEnvironment {
  /** Milliseconds since 1970-01-01T00:00:00Z, to read a Retry-After date by. */
  now(): number;
  /** Milliseconds of a clock that is never set, to keep deadlines by. */
  elapsed(): number;
  /** A number in [0, 1), for jitter. */
  random(): number;
  /** Resolves after `ms`; rejects with the signal's reason once it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** A new id for a request or an event. */
  newId(): string;
}

/** The clocks and randomness of the platform, ids of UUID version 7. */
export const platformEnvironment: ClientEnvironment = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: () => Math.random(),
  sleep: sleepUnlessAborted,
  newId: createUuid7(),
};

function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    function onAbort() {
      clearTimeout(timer);
      reject(signal.reason);
    }
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
