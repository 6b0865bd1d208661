import {
  BIGINT,
  DOUBLE,
  type DuckDBConnection,
  type DuckDBInstance,
  type DuckDBType,
  VARCHAR,
} from "@duckdb/node-api";
import { WeirError } from "../../domain/errors.ts";
import type { Param, Statement } from "../sql/fragment.ts";
import type { Table } from "../sql/plan.ts";
import { type Layout, readLayout } from "./layout.ts";
import type { QueryAnswer } from "./protocol.ts";
import { readTable } from "./tables.ts";

/** Runs questions on connections of its own, so that they see only what is committed and never wait for a writer. */
export interface Reader {
  /**
   * Runs the statements on one state of the data.
   *
   * @param layout that the statements were made for; where the data has another by now, that is the answer
   */
  query(id: number, statements: readonly Statement[], layout: Layout): Promise<QueryAnswer>;
  /** Ends a query early; it fails with CANCELLED. */
  cancel(id: number): void;
  /** Ends all queries, waits for them and closes the connections. */
  close(): Promise<void>;
}

/**
 * An interrupt is lost where the query still waits for a thread, so it is repeated until the query has ended. In
 * milliseconds.
 */
const interruptInterval = 20;

interface Query {
  cancelled: boolean;
  /** The connection while a statement of the query runs on it. */
  busy: DuckDBConnection | undefined;
  timer: NodeJS.Timeout | undefined;
  readonly ended: Promise<unknown>;
}

const types: Record<Param["type"], DuckDBType> = { text: VARCHAR, double: DOUBLE, int64: BIGINT };

export function createReader(instance: DuckDBInstance): Reader {
  const idle: DuckDBConnection[] = [];
  const queries = new Map<number, Query>();

  async function runAll(
    connection: DuckDBConnection,
    query: Query,
    statements: readonly Statement[],
    layout: Layout,
  ): Promise<QueryAnswer> {
    // Columns are only ever added: statements made for fewer of them would miss what rows keep in the new ones.
    const present = await readLayout(connection);
    if (present.length !== layout.length) return { layout: present };
    const tables: Table[] = [];
    for (const { sql, params } of statements) {
      if (query.cancelled) throw cancelled();
      query.busy = connection;
      try {
        const values = params.map((param) => param.value);
        const result = await connection.run(
          sql,
          values,
          params.map((param) => types[param.type]),
        );
        tables.push(await readTable(result, layout));
      } catch (error) {
        throw query.cancelled ? cancelled() : error;
      } finally {
        query.busy = undefined;
      }
    }
    return { tables };
  }

  async function execute(
    query: Query,
    statements: readonly Statement[],
    layout: Layout,
  ): Promise<QueryAnswer> {
    const connection = idle.pop() ?? (await instance.connect());
    try {
      // A transaction sees one state of the data.
      await connection.run("BEGIN TRANSACTION READ ONLY");
      try {
        return await runAll(connection, query, statements, layout);
      } finally {
        await connection.run("ROLLBACK").catch(() => {});
      }
    } finally {
      idle.push(connection);
    }
  }

  const interrupt = (query: Query) => {
    query.cancelled = true;
    query.busy?.interrupt();
    query.timer ??= setInterval(() => query.busy?.interrupt(), interruptInterval);
  };

  return {
    async query(id, statements, layout) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const query: Query = { cancelled: false, busy: undefined, timer: undefined, ended: promise };
      queries.set(id, query);
      try {
        return await execute(query, statements, layout);
      } finally {
        clearInterval(query.timer);
        queries.delete(id);
        resolve();
      }
    },
    cancel(id) {
      const query = queries.get(id);
      if (query !== undefined) interrupt(query);
    },
    async close() {
      const open = [...queries.values()];
      for (const query of open) interrupt(query);
      await Promise.all(open.map(({ ended }) => ended));
      for (const connection of idle.splice(0)) connection.closeSync();
    },
  };
}

function cancelled(): WeirError {
  return new WeirError("CANCELLED", "CANCELLED", "the question was cancelled");
}
