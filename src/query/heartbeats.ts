import { pause } from "../domain/pause.ts";

/** The items, and between them a heartbeat wherever none came for `ms` milliseconds. */
export async function* withHeartbeats<T>(
  items: AsyncIterable<T>,
  ms: number,
  signal: AbortSignal,
): AsyncGenerator<T | "heartbeat"> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = iterator.next();
      let settled = false;
      const settling = next.then(
        () => {
          settled = true;
        },
        () => {
          settled = true;
        },
      );
      for (;;) {
        await pause(ms, signal, settling);
        if (settled) break;
        signal.throwIfAborted();
        yield "heartbeat";
      }
      const { done, value } = await next;
      if (done === true) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
