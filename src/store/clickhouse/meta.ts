import { rows, texts } from "../sql/plan.ts";
import { bind } from "./bind.ts";
import type { Connection } from "./connection.ts";

/** The log that a store holds. */
export interface Binding {
  readonly logId: string;
  readonly partitions: number;
}

export async function readBinding(connection: Connection): Promise<Binding | undefined> {
  const table = await connection.table(
    bind({ sql: "SELECT key, min(value) FROM meta GROUP BY key", params: [] }),
  );
  const meta = new Map(rows(table, (i) => [texts(table, 0)[i]!, texts(table, 1)[i]!]));
  const text = meta.get("log");
  return text === undefined ? undefined : (JSON.parse(text) as Binding);
}

/** Answers what the store is bound to: where another process bound it at the same time, both see the same. */
export async function writeBinding(connection: Connection, binding: Binding): Promise<Binding> {
  const already = await readBinding(connection);
  if (already !== undefined) return already;
  const value = Buffer.from(JSON.stringify(binding)).toString("hex");
  await connection.command(`INSERT INTO meta VALUES ('log', unhex('${value}'))`);
  return (await readBinding(connection)) ?? binding;
}
