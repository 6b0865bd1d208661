import { WeirError } from "./errors.ts";

export interface WaitLimits {
  /** In milliseconds of Date.now(); Infinity for none. */
  readonly deadline: number;
  /** Of the call, which its own deadline aborts too, maybe sooner. Other reasons end nothing here. */
  readonly signal: AbortSignal;
}

/** setTimeout takes no more; what is due later is not waited for. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * The promise's outcome, or what `late` answers when a deadline comes first. The work goes on: its outcome is then unknown
 * to the caller.
 *
 * @throws late's error
 */
export async function byDeadline<T>(
  work: Promise<T>,
  { deadline, signal }: WaitLimits,
  late: () => WeirError,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const restMs = Math.max(0, deadline - Date.now());
  const timer = restMs > longestTimerMs ? undefined : setTimeout(() => reject(late()), restMs);
  const aborted = () => {
    const { reason } = signal;
    if (reason instanceof WeirError && reason.code === "DEADLINE_EXCEEDED") reject(late());
  };
  signal.addEventListener("abort", aborted, { once: true });
  if (signal.aborted) aborted();
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", aborted);
  }
}
