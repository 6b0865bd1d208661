/** Lets long work give way to the short: whoever has worked for a while waits until others had their turn. */
export interface Turns {
  /** When the work that begins now shall give way, in milliseconds of performance.now(). */
  end(): number;
  /** Resolves when it is the caller's turn again. */
  next(): Promise<void>;
}

/** @param sliceMs how long one may work without giving way, in milliseconds */
export function createTurns(sliceMs: number): Turns {
  const waiting: (() => void)[] = [];
  let scheduled = false;

  // One of those that wait in each round of the event loop, which between them serves everything that is new.
  function run(): void {
    waiting.shift()?.();
    scheduled = waiting.length > 0;
    if (scheduled) setImmediate(run);
  }

  return {
    end: () => performance.now() + sliceMs,
    next() {
      return new Promise((resolve) => {
        waiting.push(resolve);
        if (scheduled) return;
        scheduled = true;
        setImmediate(run);
      });
    },
  };
}
