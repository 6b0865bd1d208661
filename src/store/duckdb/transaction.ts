import type { DuckDBConnection } from "@duckdb/node-api";

/** Runs work in a transaction of the connection: all of it is committed, or nothing. */
export type Transaction = (work: () => Promise<void>) => Promise<void>;

export function transactionOf(connection: DuckDBConnection): Transaction {
  return async (work) => {
    await connection.run("BEGIN TRANSACTION");
    try {
      await work();
      await connection.run("COMMIT");
    } catch (error) {
      // Where the commit itself failed there is nothing left to roll back.
      await connection.run("ROLLBACK").catch(() => {});
      throw error;
    }
  };
}
