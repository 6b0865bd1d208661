/** Which partitions this process applies, from which offset on, and under which epoch. */
import { WeirError } from "../../domain/errors.ts";
import type { Arbiter, Committed } from "./arbiter.ts";
import type { Fences } from "./fences.ts";

export interface Ownership {
  /** What is held of a partition; undefined where it is not. */
  held(partition: number): Committed | undefined;
  partitions(): number[];
  /**
   * Takes a partition over, unless it is held: under an epoch above every one before, so that what a former owner may
   * still write does not count.
   *
   * @param logStart where the log begins
   * @param least begins there at least: rows before it stay, also such as were not committed
   * @throws WeirError FAILED_PRECONDITION where its commit has expired, is of another store, or the log begins beyond it;
   *   what the arbiter throws
   */
  takeOver(partition: number, logStart: number, least?: number): Promise<Committed>;
  commit(partition: number, position: number): Promise<void>;
  /** Forgets what is held: another owns it, or the outcome of a write is unknown. */
  drop(partitions: readonly number[]): void;
}

export interface OwnershipOptions {
  readonly arbiter: Arbiter;
  readonly fences: Fences;
  /** Forgets the ids of a partition's records from an offset on. */
  readonly forgetIdsFrom: (partition: number, offset: number) => Promise<void>;
}

export function createOwnership({ arbiter, fences, forgetIdsFrom }: OwnershipOptions): Ownership {
  const held = new Map<number, Committed>();
  return {
    held: (partition) => held.get(partition),
    partitions: () => [...held.keys()],
    async takeOver(partition, logStart, least = 0) {
      const own = held.get(partition);
      if (own !== undefined) return own;
      const committed = await arbiter.committed(partition);
      const fenced = await fences.greatestEpoch(partition);
      // Every owner writes a fence before its first row.
      if (committed === undefined && fenced !== undefined) throw expired(partition);
      const position = Math.max(committed?.position ?? 0, least);
      if (fenced === undefined && position > Math.max(logStart, least)) throw elsewhere(partition, position);
      // A fence would hide rows that cannot be applied again.
      if (position < logStart) throw removed(partition, position, logStart);
      const taken = {
        position,
        epoch: 1 + Math.max(committed?.epoch ?? 0, fenced ?? 0),
      };
      // The arbiter refuses a stale member; only then does the fence stand, and only then is a row written.
      await arbiter.commit(partition, taken);
      await fences.open({ partition, ...taken });
      await forgetIdsFrom(partition, taken.position);
      held.set(partition, taken);
      return taken;
    },
    async commit(partition, position) {
      const { epoch } = held.get(partition)!;
      await arbiter.commit(partition, { position, epoch });
      held.set(partition, { position, epoch });
    },
    drop(partitions) {
      for (const partition of partitions) held.delete(partition);
    },
  };
}

function expired(partition: number): WeirError {
  const message = `the store has applied partition ${partition} before, but the group has no offset for it any more: stop the processes of role consumer and run weir offsets restore`;
  return new WeirError("FAILED_PRECONDITION", "STORE_UNAVAILABLE", message);
}

function elsewhere(partition: number, position: number): WeirError {
  const message = `the group has applied partition ${partition} up to offset ${position}, but nothing of it to this store: each store needs a group of its own`;
  return new WeirError("FAILED_PRECONDITION", "STORE_UNAVAILABLE", message);
}

function removed(partition: number, position: number, logStart: number): WeirError {
  const message = `partition ${partition} of the log begins at offset ${logStart}, but the group stands at ${position}: stop the processes of role consumer and run weir offsets restore --all if the group was put back, or start with --rebuild-store to go on without the records between`;
  return new WeirError("FAILED_PRECONDITION", "STORE_UNAVAILABLE", message);
}
