import { WeirError } from "./errors.ts";

/**
 * The promise's outcome, or DEADLINE_EXCEEDED when `deadline` (milliseconds of Date.now(), Infinity for none) comes
 * first. The work goes on: its outcome is then unknown to the caller.
 */
export async function byDeadline<T>(work: Promise<T>, deadline: number, message: string): Promise<T> {
  if (!Number.isFinite(deadline)) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new WeirError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", message)),
    Math.max(0, deadline - Date.now()),
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
