/** Fences: from which offset on the rows of a partition's former owners do not count. */
import { numbers, rows } from "../sql/plan.ts";
import type { Connection } from "./connection.ts";

export interface Fence {
  readonly partition: number;
  readonly epoch: number;
  readonly position: number;
}

export interface Fences {
  /** Greatest epoch of the partition's fences; undefined without one. */
  greatestEpoch(partition: number): Promise<number | undefined>;
  open(fence: Fence): Promise<void>;
  /**
   * Closes the fences of these partitions that are old enough that every insert from before them has ended, once it has
   * removed what these left.
   *
   * @returns how many are still open, of all partitions
   */
  closeOld(partitions: readonly number[]): Promise<number>;
}

/** How many times the longest insert a fence stays open at least. */
const patience = 2;
/** Of one statement, whose text the server bounds. */
const maxConditions = 500;

/** @param insertTimeoutMs after which the server ends any insert */
export function createFences(connection: Connection, insertTimeoutMs: number): Fences {
  const ask = (query: string) => connection.table({ query, params: {} });
  return {
    async greatestEpoch(partition) {
      const found = await ask(`SELECT max(epoch) FROM fences WHERE partition = ${partition}`);
      const epoch = numbers(found, 0)[0]!;
      return Number.isNaN(epoch) ? undefined : epoch;
    },
    open: ({ partition, epoch, position }) =>
      connection.command(
        `INSERT INTO fences (partition, epoch, position, closed) VALUES (${partition}, ${epoch}, ${position}, 0)`,
      ),
    async closeOld(partitions) {
      const found = await ask(`
        SELECT partition, epoch, position, min(written_at) < now64(3) - ${(patience * insertTimeoutMs) / 1000}
        FROM fences GROUP BY partition, epoch, position HAVING max(closed) = 0`);
      const [partition, epoch, position, old] = [0, 1, 2, 3].map((column) => numbers(found, column));
      const mine = new Set(partitions);
      const due = rows(found, (i) => i).filter((i) => old![i] === 1 && mine.has(partition![i]!));
      const fences = due.map((i) => ({
        partition: partition![i]!,
        epoch: epoch![i]!,
        position: position![i]!,
      }));
      await removeStrays(fences);
      if (fences.length > 0) {
        const closed = fences.map((fence) => `(${fence.partition}, ${fence.epoch}, ${fence.position}, 1)`);
        await connection.command(
          `INSERT INTO fences (partition, epoch, position, closed) VALUES ${closed.join(", ")}`,
        );
      }
      return found.rowCount - fences.length;
    },
  };

  /** All in few statements: each goes through every part of the table, and the server takes them one after the other. */
  async function removeStrays(fences: readonly Fence[]): Promise<void> {
    const left: string[] = [];
    for (const { partition, epoch, position } of fences) {
      const stray = `(partition = ${partition} AND epoch < ${epoch} AND offset >= ${position})`;
      const found = await ask(`SELECT 1 FROM events WHERE ${stray} LIMIT 1`);
      if (found.rowCount > 0) left.push(stray);
    }
    for (let i = 0; i < left.length; i += maxConditions) {
      const some = left.slice(i, i + maxConditions).join(" OR ");
      await connection.remove({ query: `DELETE FROM events WHERE ${some}`, params: {} });
    }
  }
}
