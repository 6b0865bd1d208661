import { setImmediate as nextTick } from "node:timers/promises";

/**
 * Gathers what is asked for within one tick, and while an earlier batch is under way, into one batch; one after another.
 *
 * @param maxWaiting calls that may wait for their batch; beyond it they reject
 */
export function createBatcher<T, R>(
  send: (items: readonly T[]) => Promise<R>,
  maxWaiting: number,
): (item: T) => Promise<R> {
  let waiting: { readonly item: T; readonly answer: PromiseWithResolvers<R> }[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      await nextTick();
      const batch = waiting;
      waiting = [];
      try {
        const result = await send(batch.map(({ item }) => item));
        for (const { answer } of batch) answer.resolve(result);
      } catch (error) {
        for (const { answer } of batch) answer.reject(error);
      }
    }
    running = false;
  }

  return (item) => {
    if (waiting.length >= maxWaiting)
      return Promise.reject(new Error(`${waiting.length} calls wait already`));
    const answer = Promise.withResolvers<R>();
    waiting.push({ item, answer });
    if (!running) void run();
    return answer.promise;
  };
}
