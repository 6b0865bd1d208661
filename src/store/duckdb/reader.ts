import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from "@duckdb/node-api";
import { WeirError } from "../../domain/errors.ts";
import type { LinesPage } from "../sql/exports/pages.ts";
import type { Statement } from "../sql/fragment.ts";
import type { Table } from "../sql/plan.ts";
import { usersVariable } from "./engine.ts";
import { readLines } from "./exports/read-lines.ts";
import { type Layout, readLayout } from "./layout.ts";
import { runMachine } from "./machine.ts";
import { paramTypes } from "./param-types.ts";
import type { OtherLayout, QueryAnswer, SequenceAnswer, SequenceRequest } from "./protocol.ts";
import { readTable } from "./tables.ts";

/** Runs questions on connections of its own, so that they see only what is committed and never wait for a writer. */
export interface Reader {
  /**
   * Runs the statements on one state of the data.
   *
   * @param layout that the statements were made for; where the data has another by now, that is the answer
   */
  query(id: number, statements: readonly Statement[], layout: Layout): Promise<QueryAnswer>;
  /** As query, for the rows of a state machine, which runs on this thread. */
  sequence(id: number, request: SequenceRequest, layout: Layout): Promise<SequenceAnswer>;
  /** As query, for lines of an export (see readLines). */
  lines(id: number, statement: Statement, maxBytes: number, layout: Layout): Promise<LinesPage | OtherLayout>;
  /** As query, for a statement that writes a file. */
  copy(id: number, statement: Statement, layout: Layout): Promise<{ rows: number } | OtherLayout>;
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

interface Running {
  readonly connection: DuckDBConnection;
  readonly query: Query;
}

export function createReader(instance: DuckDBInstance): Reader {
  const idle: DuckDBConnection[] = [];
  const queries = new Map<number, Query>();

  /** Runs one statement, which an interrupt ends. */
  async function run<T>(
    { connection, query }: Running,
    { sql, params }: Statement,
    how: "run" | "stream",
    read: (result: DuckDBResult) => Promise<T>,
  ): Promise<T> {
    stillWanted(query);
    query.busy = connection;
    try {
      const values = params.map((param) => param.value);
      const valueTypes = params.map((param) => paramTypes[param.type]);
      return await read(await connection[how](sql, values, valueTypes));
    } catch (error) {
      throw query.cancelled ? cancelled() : error;
    } finally {
      query.busy = undefined;
    }
  }

  /** One state of the data, on a connection of its own; or the layout that it has, where that is not the wanted one. */
  async function execute<T>(
    query: Query,
    layout: Layout,
    work: (running: Running) => Promise<T>,
  ): Promise<T | OtherLayout> {
    const connection = idle.pop() ?? (await instance.connect());
    try {
      // A transaction sees one state of the data.
      await connection.run("BEGIN TRANSACTION READ ONLY");
      try {
        // Columns are only ever added: statements made for fewer of them would miss what rows keep in the new ones.
        const present = await readLayout(connection);
        if (present.length !== layout.length) return { layout: present };
        return await work({ connection, query });
      } finally {
        await connection.run("ROLLBACK").catch(() => {});
      }
    } finally {
      idle.push(connection);
    }
  }

  /** Work that `cancel` and `close` find by its id. */
  async function cancellable<T>(id: number, work: (query: Query) => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const query: Query = { cancelled: false, busy: undefined, timer: undefined, ended: promise };
    queries.set(id, query);
    try {
      return await work(query);
    } finally {
      clearInterval(query.timer);
      queries.delete(id);
      resolve();
    }
  }

  const interrupt = (query: Query) => {
    query.cancelled = true;
    query.busy?.interrupt();
    query.timer ??= setInterval(() => query.busy?.interrupt(), interruptInterval);
  };

  return {
    query: (id, statements, layout) =>
      cancellable(id, (query) =>
        execute(query, layout, async (running) => {
          const tables: Table[] = [];
          if (statements.some(({ sql }) => sql.includes(usersVariable))) {
            await running.connection.run(
              `SET VARIABLE ${usersVariable} = (SELECT COALESCE(max(user_key), 1) FROM users)`,
            );
          }
          for (const statement of statements) {
            tables.push(await run(running, statement, "run", (result) => readTable(result, layout)));
          }
          return { tables };
        }),
      ),
    sequence: (id, { feed, task }, layout) =>
      cancellable(id, (query) =>
        execute(query, layout, async (running) => {
          const rows = (result: DuckDBResult) => runMachine(task, feed, result, () => stillWanted(query));
          const result = await run(running, feed.statement, "stream", rows);
          if (feed.dictionary === undefined) return { result, dictionary: [] };
          const read = (texts: DuckDBResult) => readTable(texts, layout);
          const { columns } = await run(running, feed.dictionary, "run", read);
          return { result, dictionary: columns[0] as readonly string[] };
        }),
      ),
    lines: (id, statement, maxBytes, layout) =>
      cancellable(id, (query) =>
        execute(query, layout, (running) =>
          run(running, statement, "stream", (result) =>
            readLines(result, maxBytes, () => stillWanted(query)),
          ),
        ),
      ),
    copy: (id, statement, layout) =>
      cancellable(id, (query) =>
        execute(query, layout, (running) =>
          run(running, statement, "run", async (result) => ({ rows: result.rowsChanged })),
        ),
      ),
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

/** @throws WeirError CANCELLED */
function stillWanted(query: Query): void {
  if (query.cancelled) throw cancelled();
}

function cancelled(): WeirError {
  return new WeirError("CANCELLED", "CANCELLED", "the question was cancelled");
}
