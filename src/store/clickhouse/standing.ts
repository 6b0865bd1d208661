/** How far the store is, as this process knows: by its own commits of what it holds, by the group's of the rest. */
import type { Arbiter } from "./arbiter.ts";
import type { Ownership } from "./ownership.ts";

export interface Standing {
  /** Of each partition the offset of the next record to apply. */
  positions: readonly number[];
  /** Positions as they are committed. */
  read(partitions: number): Promise<void>;
  /**
   * Takes over those that are not held. Answers whether all stood where this process believed.
   *
   * @throws as Ownership
   */
  takeOver(partitions: readonly number[]): Promise<boolean>;
  /** Goes on from `position` at least, which the log begins at: what the store has of before stays. @throws as Ownership */
  skip(partition: number, position: number): Promise<void>;
  /** Takes what the group has committed of all that is not held. Answers whether that is something else. */
  note(committed: readonly number[]): boolean;
}

export interface StandingOptions {
  readonly arbiter: Arbiter;
  readonly ownership: Ownership;
  /** As ClickhouseStoreOptions. */
  readonly logStarts: () => Promise<readonly number[]>;
  /** As ClickhouseStoreOptions. */
  readonly changing: <T>(change: () => Promise<T>) => Promise<T>;
  /** Told of each that was taken over, whose fence may hide rows. */
  readonly onTakenOver: () => void;
}

export function createStanding(options: StandingOptions): Standing {
  const { arbiter, ownership, logStarts, changing, onTakenOver } = options;
  const standing: Standing = {
    positions: [],
    async read(partitions) {
      const every = Array.from({ length: partitions }, (_, partition) => partition);
      const committed = await Promise.all(every.map((partition) => arbiter.committed(partition)));
      standing.positions = committed.map((one) => one?.position ?? 0);
    },
    async takeOver(partitions) {
      const wanted = partitions.filter(
        (partition) => partition < standing.positions.length && ownership.held(partition) === undefined,
      );
      if (wanted.length === 0) return true;
      const starts = await logStarts();
      return changing(async () => {
        let same = true;
        for (const partition of wanted) {
          const { position } = await ownership.takeOver(partition, starts[partition] ?? 0);
          onTakenOver();
          if (position === standing.positions[partition]) continue;
          move(partition, position);
          same = false;
        }
        return same;
      });
    },
    async skip(partition, least) {
      const { position } = await changing(() => ownership.takeOver(partition, least, least));
      onTakenOver();
      if (position < least) await ownership.commit(partition, least);
      move(partition, Math.max(position, least));
    },
    note(committed) {
      const next = standing.positions.map((position, partition) =>
        ownership.held(partition) === undefined ? (committed[partition] ?? 0) : position,
      );
      if (next.every((position, partition) => position === standing.positions[partition])) return false;
      standing.positions = next;
      return true;
    },
  };

  function move(partition: number, position: number): void {
    standing.positions = standing.positions.with(partition, position);
  }

  return standing;
}
