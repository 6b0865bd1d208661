/**
 * Changes of something that several processes share and keep answers about: each of them hears that one is under way, and
 * that it has ended. One whose process dies meanwhile stays under way until the next has ended.
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

/** @param key in the state */
export function createChanges(state: Pick<StateStore, "get" | "put">, key: string): Changes {
  const closing = new AbortController();
  let telling: Promise<void> = Promise.resolve();

  const put = (stage: number) => state.put(key, Uint8Array.of(stage, ...randomBytes(8)));

  async function tellEnd(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        return await put(ended);
      } catch {
        await pause(retryMs, closing.signal);
      }
    }
  }

  return {
    async run(change) {
      await telling;
      await put(underWay);
      try {
        return await change();
      } finally {
        telling = tellEnd();
      }
    },
    async seen() {
      const stamp = Buffer.from((await state.get(key)) ?? [ended]);
      return stamp[0] === underWay ? undefined : stamp.toString("hex");
    },
    async close() {
      closing.abort();
      await telling;
    },
  };
}
