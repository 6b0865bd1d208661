import { WeirError } from "../domain/errors.ts";
import { pause } from "../domain/pause.ts";
import { createTokenCodec, type Positions, type TokenCodec } from "./token.ts";

export type { Positions } from "./token.ts";

/** Where the store stands, and when it moves. */
export interface AppliedPositions {
  /** For each partition the offset of the next record to apply. */
  positions(): readonly number[];
  /** Calls `listener` after each step, until the returned function is called. */
  onApplied(listener: () => void): () => void;
}

export interface WaitOptions {
  /** In milliseconds of Date.now(). */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/** Read your own writes: tokens for what was written, and waiting until it can be read. */
export interface Visibility {
  /** The token of a write; the positions are those after its last record on each partition. */
  tokenFor(project: string, positions: Positions): string;
  /**
   * Resolves when everything that the tokens name is visible to queries.
   *
   * @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN, DEADLINE_EXCEEDED/NOT_YET_VISIBLE, CANCELLED
   */
  waitForTokens(tokens: readonly string[], project: string, options: WaitOptions): Promise<void>;
  /** @throws WeirError DEADLINE_EXCEEDED/NOT_YET_VISIBLE, CANCELLED */
  waitFor(positions: Positions, options: WaitOptions): Promise<void>;
}

export function createVisibility(options: {
  readonly secret: Uint8Array;
  readonly logId: string;
  readonly applied: AppliedPositions;
  /**
   * Makes the positions no older than the call, where they can go back without this process's doing. Nothing counts as
   * visible before such a look has succeeded. Default: they are always those of now.
   */
  readonly refresh?: () => Promise<void>;
}): Visibility {
  const codec: TokenCodec = createTokenCodec(options.secret, options.logId);
  const { applied, refresh } = options;

  const reached = (positions: Positions) => {
    const now = applied.positions();
    for (const [partition, offset] of positions) if ((now[partition] ?? 0) < offset) return false;
    return true;
  };

  async function waitFor(positions: Positions, { deadline, signal }: WaitOptions): Promise<void> {
    if (positions.size === 0 || (refresh === undefined && reached(positions))) return;
    const ended = new AbortController();
    let current = refresh === undefined;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = () =>
      reject(
        new WeirError(
          "DEADLINE_EXCEEDED",
          "NOT_YET_VISIBLE",
          "the events are durable, but were not visible to queries by the deadline",
        ),
      );
    // The call's signal is aborted by its deadline too, and may be so before the timer here fires.
    const aborted = () => {
      const { reason } = signal;
      if (reason instanceof WeirError && reason.code === "DEADLINE_EXCEEDED") late();
      else reject(new WeirError("CANCELLED", "CANCELLED", "the caller went away"));
    };
    const timer = Number.isFinite(deadline)
      ? setTimeout(late, Math.max(0, deadline - Date.now()))
      : undefined;
    const check = () => {
      if (current && reached(positions)) resolve();
    };
    const unsubscribe = applied.onApplied(check);
    if (refresh !== undefined) {
      void untilDone(refresh, ended.signal).then(() => {
        current = true;
        check();
      });
    }
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
    try {
      await promise;
    } finally {
      ended.abort();
      clearTimeout(timer);
      unsubscribe();
      signal.removeEventListener("abort", aborted);
    }
  }

  return {
    tokenFor: (project, positions) => codec.encode(project, positions),
    waitFor,
    async waitForTokens(tokens, project, wait) {
      const needed = new Map<number, number>();
      for (const token of tokens) {
        for (const [partition, offset] of codec.decode(token, project)) {
          needed.set(partition, Math.max(offset, needed.get(partition) ?? 0));
        }
      }
      await waitFor(needed, wait);
    },
  };
}

/** Time between two looks where one has failed, in milliseconds. */
const retryMs = 100;

async function untilDone(look: () => Promise<void>, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    try {
      return await look();
    } catch {
      await pause(retryMs, ended);
    }
  }
}
