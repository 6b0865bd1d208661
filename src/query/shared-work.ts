import { WeirError } from "../domain/errors.ts";
import type { AskOptions } from "../store/store.ts";

/** One piece of work that any number of callers wait for, each as long as it will. */
export interface SharedWork<A> {
  /** @throws what the work throws; DEADLINE_EXCEEDED or CANCELLED for this caller alone */
  join(options: AskOptions): Promise<A>;
}

/** Longest wait of a timer, in milliseconds; a deadline further away is none. */
const longestTimer = 2 ** 31 - 1;

/**
 * Starts the work, which has no deadline of its own: it is aborted when the last caller has given up.
 *
 * @param onEnd called once, when the work has ended or nobody waits for it
 */
export function shareWork<A>(work: (options: AskOptions) => Promise<A>, onEnd: () => void): SharedWork<A> {
  const abandoned = new AbortController();
  const answer = work({ signal: abandoned.signal, deadline: Number.POSITIVE_INFINITY });
  let waiting = 0;
  let ended = false;
  const end = () => {
    if (!ended) onEnd();
    ended = true;
  };
  // Where nobody waits any more, nobody is told.
  answer.catch(() => {}).finally(end);

  return {
    async join({ signal, deadline }) {
      waiting++;
      const { promise: givenUp, reject } = Promise.withResolvers<never>();
      const remaining = Math.max(0, deadline - Date.now());
      const timer = remaining < longestTimer ? setTimeout(() => reject(tooLate()), remaining) : undefined;
      const onAbort = () => reject(reasonOf(signal));
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
      try {
        return await Promise.race([answer, givenUp]);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        waiting--;
        if (waiting === 0 && !ended) {
          end();
          abandoned.abort();
        }
      }
    },
  };
}

function reasonOf({ reason }: AbortSignal): WeirError {
  return reason instanceof WeirError
    ? reason
    : new WeirError("CANCELLED", "CANCELLED", "the caller went away");
}

function tooLate(): WeirError {
  const message = "the deadline passed before the store answered";
  return new WeirError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", message);
}
