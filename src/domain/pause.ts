/** Resolves after `ms` milliseconds, or sooner: when the signal is aborted or `sooner` resolves. Never rejects. */
export function pause(ms: number, signal: AbortSignal, sooner?: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    void sooner?.then(end, end);
  });
}
