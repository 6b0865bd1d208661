import type { DuckDBConnection } from "@duckdb/node-api";

/**
 * Runs work in a transaction of the connection: all of it is committed, or nothing.
 *
 * @param meanwhile done while the commit is on its way to the disk; must not throw
 */
export type Transaction = (work: () => Promise<void>, meanwhile?: () => void) => Promise<void>;

export function transactionOf(connection: DuckDBConnection): Transaction {
  return async (work, meanwhile) => {
    await connection.run("BEGIN TRANSACTION");
    try {
      await work();
      const committed = connection.run("COMMIT");
      meanwhile?.();
      await committed;
    } catch (error) {
      // Where the commit itself failed there is nothing left to roll back.
      await connection.run("ROLLBACK").catch(() => {});
      throw error;
    }
  };
}
