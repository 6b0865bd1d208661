import { pause } from "../domain/pause.ts";

/** Whether a store has all that its log had when this process took it over. */
export interface CatchUp {
  /** The log was taken over now: what it has by then is to be applied first. */
  begin(): void;
  /** Why what the store holds is not all; empty where it is. */
  behind(): string;
  close(): Promise<void>;
}

export interface CatchUpOptions {
  /** Where the log ends by the call, asked of those who keep it. Ends soon when the signal is aborted. */
  readonly ends: (signal: AbortSignal) => Promise<readonly number[]>;
  /** The store's. */
  readonly positions: () => readonly number[];
  /** Told why the ends could not be had, after which it is tried again. */
  readonly onError: (error: unknown) => void;
}

const pauseMs = 1000;

/** Before the first takeover it is behind. */
export function createCatchUp({ ends, positions, onError }: CatchUpOptions): CatchUp {
  const closing = new AbortController();
  let taken = 0;
  let goal: readonly number[] | undefined;
  let isWhole = false;
  let looking: Promise<void> = Promise.resolve();

  async function look(own: number): Promise<void> {
    while (own === taken && !closing.signal.aborted) {
      try {
        const found = await ends(closing.signal);
        if (own === taken) goal = found;
        return;
      } catch (error) {
        if (closing.signal.aborted) return;
        onError(error);
        await pause(pauseMs, closing.signal);
      }
    }
  }

  return {
    begin() {
      goal = undefined;
      isWhole = false;
      looking = look(++taken);
    },
    behind() {
      if (isWhole) return "";
      if (goal === undefined) return "where the log ends is not known yet";
      const applied = positions();
      const left = goal.reduce(
        (sum, end, partition) => sum + Math.max(0, end - (applied[partition] ?? 0)),
        0,
      );
      isWhole = left === 0;
      return isWhole ? "" : `${left} records of before it took the log over are still to be applied`;
    },
    async close() {
      closing.abort();
      await looking;
    },
  };
}
