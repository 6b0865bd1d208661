import type { Logger } from "../logger.ts";

/** Least time between two lines about spans that were lost, in milliseconds. */
const tellEveryMs = 60_000;

/** Counts the spans that were lost, and tells of them in the log: at once, then each minute how many more there were. */
export interface Losses {
  /** `error`: of the collector; absent where none was asked. */
  add(spans: number, error?: Error): void;
  /** Since the start. */
  total(): number;
  /** Tells of those that were not told of yet. */
  close(): void;
}

/** `url`: where the spans were to go. */
export function createLosses(url: string, logger: Logger): Losses {
  let total = 0;
  let untold = 0;
  let cause: Error | undefined;
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    clearTimeout(timer);
    timer = undefined;
    if (untold === 0) return;
    logger.warn(
      { ...(cause ? { err: cause } : {}), lostSpans: untold, url },
      "the collector did not take spans, which are lost",
    );
    untold = 0;
    cause = undefined;
    timer = setTimeout(tell, tellEveryMs).unref();
  }

  return {
    add(spans, error) {
      total += spans;
      untold += spans;
      cause ??= error;
      if (timer === undefined) tell();
    },
    total: () => total,
    close() {
      tell();
      clearTimeout(timer);
    },
  };
}
