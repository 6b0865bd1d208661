/**
 * How long a call may go on: until its deadline, until nothing moved on a stream for too long, until the caller goes
 * away, or until the server stops. Whichever comes first aborts one signal with the error that the caller gets.
 */
import { WeirError } from "../domain/errors.ts";

export interface Lifetime {
  /** Aborted with a WeirError as its reason. */
  readonly signal: AbortSignal;
  /** In milliseconds of Date.now(); Infinity where there is none. */
  readonly deadline: number;
  /** Something moved on the stream. */
  touch(): void;
  /** Whether the caller is waited for, as at first; while the service lets it wait, nothing need move. */
  awaitsCaller(awaits: boolean): void;
  abort(error: WeirError): void;
  /** The call is over: its timers end, and nothing aborts it any more. */
  end(): void;
}

export interface LifetimeOptions {
  /** Aborted when the caller goes away. */
  readonly caller: AbortSignal;
  /** In milliseconds of Date.now(); Infinity where there is none. */
  readonly deadline: number;
  /** Milliseconds without movement after which a stream ends; undefined for unary calls. */
  readonly idleMs?: number;
  /** How long the request may take to come, where nothing else sees to that. */
  readonly arrival?: Arrival | undefined;
}

export interface Arrival {
  /** In milliseconds. */
  readonly withinMs: number;
  arrived(): boolean;
}

export const requestTimeout = new WeirError(
  "DEADLINE_EXCEEDED",
  "REQUEST_TIMEOUT",
  "the request took too long to arrive",
);

/** setTimeout takes no more; what is due later is not waited for. */
const longestTimerMs = 2 ** 31 - 1;

export function createLifetime(options: LifetimeOptions): Lifetime {
  const { caller, deadline, idleMs, arrival } = options;
  const controller = new AbortController();
  const abort = (error: WeirError) => {
    end();
    controller.abort(error);
  };
  const left = () => abort(new WeirError("CANCELLED", "CANCELLED", "the caller went away"));
  const timer = timeout(deadline - Date.now(), () => {
    abort(new WeirError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "the deadline passed"));
  });
  let awaited = true;
  const idle = timeout(idleMs ?? Number.POSITIVE_INFINITY, () => {
    if (!awaited) {
      idle!.refresh();
      return;
    }
    const message = `nothing moved on the stream for ${idleMs} ms`;
    abort(new WeirError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", message));
  });
  const late = timeout(arrival?.withinMs ?? Number.POSITIVE_INFINITY, () => {
    if (arrival?.arrived() === false) abort(requestTimeout);
  });
  const end = () => {
    clearTimeout(late);
    clearTimeout(timer);
    clearTimeout(idle);
    caller.removeEventListener("abort", left);
  };
  if (caller.aborted) left();
  else caller.addEventListener("abort", left, { once: true });
  return {
    signal: controller.signal,
    deadline,
    touch: () => idle?.refresh(),
    awaitsCaller(awaits) {
      awaited = awaits;
      idle?.refresh();
    },
    abort,
    end,
  };
}

function timeout(ms: number, action: () => void): NodeJS.Timeout | undefined {
  return ms > longestTimerMs ? undefined : setTimeout(action, Math.max(0, ms)).unref();
}

/**
 * The promise's outcome, or the signal's reason once that is aborted. Work that fails by the same signal may say better
 * why: its error counts until the next turn of the event loop. What the promise does later is not waited for, nor is
 * its failure reported.
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => setImmediate(() => reject(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        if (signal.aborted) reject(signal.reason);
        else resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", onAbort);
        reject(error);
      },
    );
  });
}

/** The iterable's values until it or the signal ends; each value calls `touch`. Its `return` is called, not awaited. */
export async function* iterateUntilAborted<T>(
  iterable: AsyncIterable<T>,
  signal: AbortSignal,
  touch: () => void,
): AsyncGenerator<T> {
  const iterator = iterable[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal);
      touch();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // A source that waits for something returns only once that has come: its owner ends by the same signal.
    iterator.return?.()?.catch(() => {});
  }
}
