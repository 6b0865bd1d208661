import { WeirError } from "../domain/errors.ts";
import type { AskOptions } from "./store.ts";

/** Lets a bounded number of questions run, and a bounded number wait for their turn. */
export interface Slots {
  readonly running: number;
  readonly waiting: number;
  /** How many found no room to wait. */
  readonly refused: number;
  /**
   * Runs the work when its turn comes. The caller gets an error as soon as its signal aborts or its deadline passes; the
   * slot is free only when the work has ended.
   *
   * @throws WeirError RESOURCE_EXHAUSTED/TOO_MANY_REQUESTS, DEADLINE_EXCEEDED, CANCELLED
   */
  run<T>(work: () => Work<T>, options: AskOptions): Promise<T>;
}

export interface Work<T> {
  readonly answer: Promise<T>;
  cancel(): void;
}

export interface SlotLimits {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** When to come again where too many wait, in milliseconds. */
const retryDelayMs = 1000;
/** Longest wait of a timer; a deadline further away is none. */
const longestTimer = 2 ** 31 - 1;

export function createSlots({ maxRunning, maxWaiting, now }: SlotLimits): Slots {
  const queue = new Set<() => void>();
  let running = 0;
  let refused = 0;

  const startNext = () => {
    for (const start of queue) {
      if (running >= maxRunning) return;
      queue.delete(start);
      start();
    }
  };

  return {
    get running() {
      return running;
    },
    get waiting() {
      return queue.size;
    },
    get refused() {
      return refused;
    },
    run<T>(work: () => Work<T>, { signal, deadline }: AskOptions): Promise<T> {
      if (signal.aborted) return Promise.reject(endedBy(signal));
      const remaining = deadline - now();
      if (remaining <= 0) return Promise.reject(tooLate());
      if (running >= maxRunning && queue.size >= maxWaiting) {
        refused++;
        return Promise.reject(tooMany(maxWaiting));
      }
      return new Promise<T>((resolve, reject) => {
        let underWay: Work<T> | undefined;
        const timer = remaining < longestTimer ? setTimeout(() => giveUp(tooLate()), remaining) : undefined;
        const onAbort = () => giveUp(endedBy(signal));
        signal.addEventListener("abort", onAbort, { once: true });
        const leave = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
        };
        const giveUp = (error: WeirError) => {
          leave();
          queue.delete(start);
          underWay?.cancel();
          reject(error);
        };
        const start = () => {
          running++;
          underWay = work();
          underWay.answer.then(resolve, reject).finally(() => {
            leave();
            running--;
            startNext();
          });
        };
        if (running < maxRunning) start();
        else queue.add(start);
      });
    },
  };
}

/** A call's signal is aborted by its deadline too: the caller is still there then. */
export function endedBy({ reason }: AbortSignal): WeirError {
  if (reason instanceof WeirError && reason.code === "DEADLINE_EXCEEDED") return tooLate();
  return new WeirError("CANCELLED", "CANCELLED", "the caller went away");
}

function tooLate(): WeirError {
  return new WeirError(
    "DEADLINE_EXCEEDED",
    "DEADLINE_EXCEEDED",
    "the deadline passed before the store answered",
  );
}

function tooMany(maxWaiting: number): WeirError {
  const message = `${maxWaiting} questions wait for the store already`;
  return new WeirError("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", message, { retryDelayMs });
}
