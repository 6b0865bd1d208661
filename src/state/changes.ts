/**
 * Changes of something that several processes share and keep answers about: each of them hears that one is under way, and
 * that it has ended. One whose process dies meanwhile stays under way until the next has ended. So does one that goes on
 * although whoever began it was told nothing of it any more.
 */
import { randomBytes } from "node:crypto";
import { pause } from "../domain/pause.ts";
import type { StateStore } from "./state.ts";

export interface Changes {
  /**
   * Runs a change, of which several may be under way. Where it throws its outcome is unknown, and its end is told once
   * nothing goes on any more.
   *
   * @throws what it throws; WeirError UNAVAILABLE where others cannot be told, and then it is not run
   */
  run<T>(change: () => Promise<T>): Promise<T>;
  /** Differs after each change, as far as this process has heard; undefined while one is under way. */
  seen(): Promise<string | undefined>;
  /** Ends the telling of what has ended, which is tried again where it fails. */
  close(): Promise<void>;
}

const underWay = 1;
const ended = 0;
/** Time between two tries, and before the first where the outcome is unknown, in milliseconds. */
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
  const closing = new AbortController();
  let running = 0;
  /** How many have begun. */
  let begun = 0;
  let isOutcomeKnown = true;
  let telling: Promise<void> = Promise.resolve();
  let lastPut: Promise<void> = Promise.resolve();

  /** One after the other, so that the last one told is what stands. */
  function put(stage: number): Promise<void> {
    const done = lastPut.then(() => state.put(key, Uint8Array.of(stage, ...randomBytes(8))));
    lastPut = done.catch(() => {});
    return done;
  }

  async function tellEnd(): Promise<void> {
    const mine = begun;
    // What was given up may be on its way still.
    if (!isOutcomeKnown) await pause(retryMs, closing.signal);
    while (isOutcomeKnown || !closing.signal.aborted) {
      try {
        const over = await isOver();
        // The end of what has begun since will tell.
        if (begun !== mine) return;
        if (over) {
          await put(ended);
          isOutcomeKnown = true;
          return;
        }
      } catch {
        // Told later, or by the next process.
      }
      if (closing.signal.aborted) return;
      await pause(retryMs, closing.signal);
    }
  }

  return {
    async run(change) {
      running++;
      begun++;
      try {
        await put(underWay);
        return await change();
      } catch (error) {
        isOutcomeKnown = false;
        throw error;
      } finally {
        running--;
        if (running === 0) telling = Promise.all([telling, tellEnd()]).then(() => {});
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
