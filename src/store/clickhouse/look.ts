/** A look at what a store has applied, by a command, beside the processes that use it. */
import { maskPassword } from "../../domain/secrets.ts";
import { numbers, rows } from "../sql/plan.ts";
import { StoreStartError } from "../store.ts";
import { createConnection } from "./connection.ts";
import { messageOf } from "./failures.ts";
import { createLedger, type Standpoint } from "./ledger.ts";
import { readBinding } from "./meta.ts";
import { checkSchema } from "./migrate.ts";
import { untilReached } from "./start.ts";
import { parseUrl } from "./url.ts";
import { visibleRows } from "./visible.ts";

export interface StoreLook {
  /** Undefined while it has been bound to none. */
  readonly logId: string | undefined;
  readonly group: string | undefined;
  readonly standpoints: ReadonlyMap<number, Standpoint>;
  /** Of each partition that has rows how many, and the offset of the last. */
  readonly rows: ReadonlyMap<number, { readonly count: number; readonly last: number }>;
}

/**
 * @param url clickhouse://user:password@host:port/database
 * @param timeoutMs how long to wait for the server
 * @throws StoreStartError where it cannot be reached, or the schema is not this program's
 */
export async function lookAtClickhouse(url: string, timeoutMs: number): Promise<StoreLook> {
  const connection = createConnection({ url: parseUrl(url).http, maxConnections: 1 });
  try {
    await untilReached(timeoutMs, () => checkSchema(connection, url));
    const ledger = createLedger(connection);
    const [visible] = visibleRows.texts;
    const query = `SELECT partition, count() AS n, max(offset) AS last FROM events WHERE ${visible} GROUP BY partition`;
    const found = await connection.table({ query, params: {} });
    const [partition, count, last] = [0, 1, 2].map((column) => numbers(found, column));
    return {
      logId: (await readBinding(connection))?.logId,
      group: await ledger.group(),
      standpoints: await ledger.standpoints(),
      rows: new Map(rows(found, (i) => [partition![i]!, { count: count![i]!, last: last![i]! }] as const)),
    };
  } catch (error) {
    if (error instanceof StoreStartError) throw error;
    throw new StoreStartError(`${maskPassword(url)} cannot be read: ${messageOf(error)}`, error);
  } finally {
    await connection.close();
  }
}
