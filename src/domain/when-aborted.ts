/**
 * Calls `listener` when the signal is aborted, at once where it is already; once, and not after the answered function was
 * called. Without a signal never.
 */
export function whenAborted(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return () => signal?.removeEventListener("abort", listener);
}
