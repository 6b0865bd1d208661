import type { ClientEnvironment } from "../../client/core/index.ts";

/** A client's clock that moves only when it sleeps, jitter of one fixed share, and ids that count. */
export function fakeEnvironment(
  jitter = 1,
): ClientEnvironment & { slept: number[]; advance(ms: number): void } {
  let time = 0;
  let ids = 0;
  const slept: number[] = [];
  return {
    slept,
    advance(ms) {
      time += ms;
    },
    now: () => Date.UTC(2024, 0, 1) + time,
    elapsed: () => time,
    random: () => jitter,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      slept.push(ms);
      time += ms;
    },
    newId: () => `id-${++ids}`,
  };
}
