import { WeirError } from "../domain/errors.ts";
import { sharerOf } from "../domain/principal.ts";
import { createShares } from "../domain/shares.ts";
import type { AskOptions } from "./store.ts";

/**
 * Lets a bounded number of questions run, and a bounded number wait for their turn. Of several, one slot is kept from a
 * caller who has all others, and half of the places to wait, so that others have room; the next to run is that of the
 * caller with the fewest running.
 */
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

interface Waiting {
  readonly start: () => void;
  readonly sharer: string | undefined;
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
  const queue = new Set<Waiting>();
  const waitingOf = createShares(maxWaiting);
  const runningOf = createShares(maxRunning);
  const mostRunning = Math.max(1, maxRunning - 1);
  let running = 0;
  let refused = 0;

  const mayStart = (sharer: string | undefined) =>
    running < maxRunning && (sharer === undefined || runningOf.of(sharer) < mostRunning);
  const leaveQueue = (one: Waiting) => {
    if (queue.delete(one)) waitingOf.add(one.sharer, -1);
  };
  const startNext = () => {
    for (;;) {
      let next: Waiting | undefined;
      for (const one of queue) {
        const isFirst = next === undefined || runningOf.of(one.sharer) < runningOf.of(next.sharer);
        if (mayStart(one.sharer) && isFirst) next = one;
      }
      if (next === undefined) return;
      leaveQueue(next);
      next.start();
    }
  };
  /** @throws WeirError RESOURCE_EXHAUSTED/TOO_MANY_REQUESTS */
  const checkWaiting = (sharer: string | undefined) => {
    const isFull = queue.size >= maxWaiting;
    if (!isFull && waitingOf.of(sharer) < waitingOf.most) return;
    refused++;
    throw isFull
      ? tooMany(`${maxWaiting} questions wait for the store already`)
      : tooMany(`${waitingOf.most} questions of one caller wait for the store already`);
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
    async run<T>(work: () => Work<T>, { signal, deadline, principal }: AskOptions): Promise<T> {
      if (signal.aborted) throw endedBy(signal);
      const remaining = deadline - now();
      if (remaining <= 0) throw tooLate();
      const sharer = principal && sharerOf(principal);
      const isFree = mayStart(sharer);
      if (!isFree) checkWaiting(sharer);
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
          leaveQueue(waiting);
          underWay?.cancel();
          reject(error);
        };
        const start = () => {
          running++;
          runningOf.add(sharer, 1);
          underWay = work();
          underWay.answer.then(resolve, reject).finally(() => {
            leave();
            running--;
            runningOf.add(sharer, -1);
            startNext();
          });
        };
        const waiting = { start, sharer };
        if (isFree) return start();
        queue.add(waiting);
        waitingOf.add(sharer, 1);
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

function tooMany(message: string): WeirError {
  return new WeirError("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", message, { retryDelayMs });
}
