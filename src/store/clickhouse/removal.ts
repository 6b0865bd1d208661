/** Rows and ids that are no longer kept. */
import { type Fragment, int64, render, sql, text, trusted } from "../sql/fragment.ts";
import { numbers } from "../sql/plan.ts";
import { bind } from "./bind.ts";
import type { Connection } from "./connection.ts";
import { createClickhouseDialect } from "./dialect.ts";
import { visibleRows } from "./visible.ts";

export async function countRows(connection: Connection): Promise<number> {
  return count(connection, sql`SELECT count() FROM events WHERE ${visibleRows}`);
}

/**
 * @param project every project where it is absent
 * @param changing runs the removal, where there is something to remove
 */
export async function removeRows(
  connection: Connection,
  beforeUs: number,
  project: string | undefined,
  changing: <T>(change: () => Promise<T>) => Promise<T>,
): Promise<number> {
  const only = project === undefined ? sql`` : sql` AND project = ${text(project)}`;
  const condition = sql`timestamp_us < ${int64(beforeUs)}${only}`;
  const removed = await count(
    connection,
    sql`SELECT count() FROM events WHERE ${condition} AND ${visibleRows}`,
  );
  if (removed === 0) return 0;
  await changing(() => connection.remove(bound(sql`DELETE FROM events WHERE ${condition}`)));
  return removed;
}

/** Whether the server removes rows no more: it goes on also where who asked for it is gone. */
export async function isSettled(connection: Connection): Promise<boolean> {
  const removing = sql`
    SELECT (SELECT count() FROM system.mutations
            WHERE database = currentDatabase() AND table = 'events' AND NOT is_done)
      + (SELECT count() FROM system.processes
         WHERE current_database = currentDatabase() AND startsWith(query, 'DELETE FROM events '))`;
  return (await count(connection, removing)) === 0;
}

/**
 * Answers how many.
 *
 * @param untilMs of each partition the instant before which ids go
 */
export async function forgetIds(
  connection: Connection,
  untilMs: ReadonlyMap<number, number>,
  partitions: readonly number[],
): Promise<number> {
  const old = partitions.flatMap((partition) => {
    const beforeMs = untilMs.get(partition);
    // No id is of before 1970.
    if (beforeMs === undefined || beforeMs <= 0) return [];
    // Received times count by whole seconds.
    return [`(partition = ${partition} AND received_us < ${Math.ceil(beforeMs / 1000) * 1e6})`];
  });
  if (old.length === 0) return 0;
  // Parameters would go into the URL, which is too short for all partitions.
  const condition = trusted(old.join(" OR "));
  const forgotten = await count(connection, sql`SELECT count() FROM ids WHERE ${condition}`);
  if (forgotten > 0) await connection.remove(bound(sql`DELETE FROM ids WHERE ${condition}`));
  return forgotten;
}

/** Answers how many. */
export async function removeLetters(connection: Connection, condition: Fragment): Promise<number> {
  const removed = await count(connection, sql`SELECT count() FROM dead_letters FINAL WHERE ${condition}`);
  if (removed > 0) await connection.remove(bound(sql`DELETE FROM dead_letters WHERE ${condition}`));
  return removed;
}

async function count(connection: Connection, query: Fragment): Promise<number> {
  return numbers(await connection.table(bound(query)), 0)[0]!;
}

const { placeholder } = createClickhouseDialect([]);

function bound(query: Fragment) {
  return bind(render(query, placeholder));
}
