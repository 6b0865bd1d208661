/**
 * Remembers which identities were counted, where the log forgets them sooner than the longest window reaches back: one
 * that comes again within that time counts once.
 */
import type { Budget } from "./budget.ts";

export interface Identities {
  /** Whether an event counts: its identity was not counted in the time before. `nowMs` never goes back. */
  isNew(userId: string, id: string, receivedMs: number, nowMs: number): boolean;
  /** Events that were received before could not be looked at. */
  missing(endMs: number): void;
  /** Whether an identity of the time before `nowMs` is not remembered. */
  incomplete(nowMs: number): boolean;
  /** Gives all memory back. */
  release(): void;
}

export interface IdentitiesOptions {
  /** How long an identity is remembered. */
  readonly keepMs: number;
  readonly maxIdentities: number;
  readonly budget: Budget;
}

/** What a remembered identity costs besides its text, measured at about this much. */
const entryBytes = 80;

export function createIdentities({ keepMs, maxIdentities, budget }: IdentitiesOptions): Identities {
  /** When the counted event of each identity was received. */
  const counted = new Map<string, number>();
  let taken = 0;
  let lostMs = Number.NEGATIVE_INFINITY;
  let sweptMs = Number.NEGATIVE_INFINITY;

  function sweep(nowMs: number): void {
    // Each sweep looks at all: often enough to keep an eighth more than is needed, seldom enough to cost little.
    if (nowMs - sweptMs < keepMs / 8) return;
    sweptMs = nowMs;
    for (const [identity, receivedMs] of counted) {
      if (nowMs - receivedMs < keepMs) continue;
      counted.delete(identity);
      const bytes = entryBytes + identity.length;
      taken -= bytes;
      budget.give(bytes);
    }
  }

  return {
    isNew(userId, id, receivedMs, nowMs) {
      const identity = `${userId.length}:${userId}${id}`;
      const before = counted.get(identity);
      if (before !== undefined) {
        if (receivedMs - before < keepMs) return false;
        counted.set(identity, receivedMs);
        return true;
      }
      sweep(nowMs);
      const bytes = entryBytes + identity.length;
      if (counted.size >= maxIdentities || !budget.take(bytes)) {
        lostMs = Math.max(lostMs, receivedMs);
        return true;
      }
      taken += bytes;
      counted.set(identity, receivedMs);
      return true;
    },
    missing(endMs) {
      lostMs = Math.max(lostMs, endMs);
    },
    incomplete: (nowMs) => nowMs - lostMs < keepMs,
    release() {
      counted.clear();
      budget.give(taken);
      taken = 0;
    },
  };
}
