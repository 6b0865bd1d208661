import { Code, ConnectError } from "@connectrpc/connect";
import type { WeirClient } from "../../../client/node/index.ts";

/** What became of dead letters. */
export interface Changed {
  /** How many were replayed, of which none was before, or discarded. */
  done: number;
  /** Ids that there are not. */
  readonly missing: string[];
  /** Why some cannot be replayed, a line for each. */
  readonly refused: string[];
}

/** Discards those that there are. @param ids at most as many as one request takes */
export async function discardThose(weir: WeirClient, ids: readonly string[], into: Changed): Promise<void> {
  const { discardedCount, missingIds } = await weir.admin.discardDeadLetters({ deadLetterIds: [...ids] });
  add(into, discardedCount, missingIds);
}

/** Replays all or none. @param ids at most as many as one request takes */
export async function replayTogether(weir: WeirClient, ids: readonly string[], into: Changed): Promise<void> {
  const { replayedCount, missingIds } = await weir.admin.replayDeadLetters({ deadLetterIds: [...ids] });
  add(into, replayedCount, missingIds);
}

function add(into: Changed, done: number, missing: readonly string[]): void {
  into.done += done;
  into.missing.push(...missing);
}

/**
 * Replays those that can be. The server refuses a request whole in which there is one that cannot, which is found by halves,
 * so that it holds up no other.
 *
 * @param ids at most as many as one request takes
 */
export async function replayEach(weir: WeirClient, ids: readonly string[], into: Changed): Promise<void> {
  try {
    await replayTogether(weir, ids, into);
  } catch (error) {
    if (!(error instanceof ConnectError) || !ofOne.has(error.code)) throw error;
    if (ids.length === 1) {
      into.refused.push(error.rawMessage);
      return;
    }
    const half = Math.ceil(ids.length / 2);
    await replayEach(weir, ids.slice(0, half), into);
    await replayEach(weir, ids.slice(half), into);
  }
}

/** Refusals for what one of the dead letters is. */
const ofOne: ReadonlySet<Code> = new Set([Code.InvalidArgument, Code.FailedPrecondition]);
