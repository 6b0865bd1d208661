import { pause } from "../../domain/pause.ts";
import type { Ledger } from "./ledger.ts";
import type { Ownership } from "./ownership.ts";

/** Notes of what this process has committed, which the store keeps beside the group's offsets. */
export interface Notes {
  /**
   * Notes what is held and has moved since it was noted.
   *
   * @param timeoutMs after which it is not waited for any more; then, as where it fails, no error is thrown. Default: none
   */
  take(timeoutMs?: number): Promise<void>;
}

export function createNotes(ownership: Ownership, ledger: Pick<Ledger, "note">): Notes {
  const noted = new Map<number, string>();

  async function note(): Promise<void> {
    const held = ownership.partitions().map((partition) => [partition, ownership.held(partition)!] as const);
    const moved = held.filter(([partition, committed]) => noted.get(partition) !== textOf(committed));
    await ledger.note(new Map(moved));
    for (const [partition, committed] of moved) noted.set(partition, textOf(committed));
  }

  return {
    async take(timeoutMs) {
      if (timeoutMs === undefined) return note();
      const done = new AbortController();
      await Promise.race([note().catch(() => {}), pause(timeoutMs, done.signal)]);
      done.abort();
    },
  };
}

function textOf({ position, epoch }: { readonly position: number; readonly epoch: number }): string {
  return `${position} ${epoch}`;
}
