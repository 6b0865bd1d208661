/** What the store says itself of who applies the log to it, and how far that is. */
import { numbers, rows } from "../sql/plan.ts";
import type { Connection } from "./connection.ts";
import { readMeta, writeMeta } from "./meta.ts";

/** Where the store stands on a partition, by its own account. */
export interface Standpoint {
  /** All before it has been applied; so may be what comes next, of which the store keeps no exact account. */
  readonly position: number;
  /** Of the owner who stood there. */
  readonly epoch: number;
}

export interface Ledger {
  /** The consumer group whose offsets are this store's positions; undefined where none has applied anything yet. */
  group(): Promise<string | undefined>;
  /** Binds a store that has no group yet. Answers whose it is. */
  bindGroup(group: string): Promise<string>;
  /** Of each partition that was ever taken over. */
  standpoints(): Promise<ReadonlyMap<number, Standpoint>>;
  /** Keeps what the group has committed of these partitions. */
  note(committed: ReadonlyMap<number, Standpoint>): Promise<void>;
}

export function createLedger(connection: Connection): Ledger {
  const group = async () => (await readMeta(connection)).get("group");
  return {
    group,
    async bindGroup(name) {
      const already = await group();
      if (already !== undefined) return already;
      await writeMeta(connection, "group", name);
      return (await group()) ?? name;
    },
    async standpoints() {
      // A fence stands where its owner began. Within an epoch positions only grow; a greater one may have been put back.
      const found = await connection.table({
        query: `
          SELECT partition, max(epoch) AS epoch, argMax(position, (epoch, position)) AS position
          FROM (
            SELECT partition, epoch, position FROM fences
            UNION ALL SELECT partition, epoch, position FROM applied
          ) AS told
          GROUP BY partition`,
        params: {},
      });
      const [partition, epoch, position] = [0, 1, 2].map((column) => numbers(found, column));
      return new Map(
        rows(found, (i) => [partition![i]!, { position: position![i]!, epoch: epoch![i]! }] as const),
      );
    },
    async note(committed) {
      if (committed.size === 0) return;
      const values = [...committed].map(
        ([partition, { epoch, position }]) => `(${partition}, ${epoch}, ${position})`,
      );
      await connection.command(
        `INSERT INTO applied (partition, epoch, position) VALUES ${values.join(", ")}`,
      );
    },
  };
}
