/**
 * Changes of something that several processes share and keep answers about: each of them hears that one is under way, and
 * that it has ended. One whose process dies meanwhile stays under way until the next has ended. So does one that goes on
 * although whoever began it was told nothing of it any more.
 */
import { randomBytes } from "node:crypto";
import { pause } from "../domain/pause.ts";
import type { StateStore } from "./state.ts";

export interface Changes {
  /** Runs a change. @throws what it throws; WeirError UNAVAILABLE where others cannot be told, and then it is not run */
  run<T>(change: () => Promise<T>): Promise<T>;
  /** Differs after each change, as far as this process has heard; undefined while one is under way. */
  seen(): Promise<string | undefined>;
  /** Ends the telling of what has ended, which is tried again where it fails. */
  close(): Promise<void>;
}

const underWay = 1;
const ended = 0;
/** Time between two tries, in milliseconds. */
const retryMs = 1000;

/**
 * @param key in the state
 * @param isOver whether nothing of this change, or of one before, goes on; asked until it is. Default: it is as soon as
 *   the change has answered
 */
export function createChanges(
  state: Pick<StateStore, "get" | "put">,
  key: string,
  isOver: () => Promise<boolean> = async () => true,
): Changes {
  let closed = false;
  let telling = { told: Promise.resolve(), stop() {} };

  const put = (stage: number) => state.put(key, Uint8Array.of(stage, ...randomBytes(8)));

  async function tellEnd(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (await isOver()) return await put(ended);
      } catch {
        // Neither is known; it is tried again.
      }
      await pause(retryMs, signal);
    }
  }

  function beginTelling(): void {
    const stopping = new AbortController();
    if (closed) stopping.abort();
    telling = { told: tellEnd(stopping.signal), stop: () => stopping.abort() };
  }

  async function stopTelling(): Promise<void> {
    telling.stop();
    await telling.told;
  }

  return {
    async run(change) {
      await stopTelling();
      try {
        await put(underWay);
        return await change();
      } finally {
        beginTelling();
      }
    },
    async seen() {
      const stamp = Buffer.from((await state.get(key)) ?? [ended]);
      return stamp[0] === underWay ? undefined : stamp.toString("hex");
    },
    async close() {
      closed = true;
      await stopTelling();
    },
  };
}
