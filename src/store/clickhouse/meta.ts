import { rows, texts } from "../sql/plan.ts";
import { bind } from "./bind.ts";
import type { Connection } from "./connection.ts";

/** The log that a store holds. */
export interface Binding {
  readonly logId: string;
  readonly partitions: number;
}

/** What the store is bound to, by kind; of two values the same for all who ask. */
export async function readMeta(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const table = await connection.table(
    bind({ sql: "SELECT key, min(value) FROM meta GROUP BY key", params: [] }),
  );
  return new Map(rows(table, (i) => [texts(table, 0)[i]!, texts(table, 1)[i]!]));
}

export async function writeMeta(connection: Connection, key: string, value: string): Promise<void> {
  const hex = Buffer.from(value).toString("hex");
  await connection.command(`INSERT INTO meta VALUES ('${key}', unhex('${hex}'))`);
}

export async function readBinding(connection: Connection): Promise<Binding | undefined> {
  const text = (await readMeta(connection)).get("log");
  return text === undefined ? undefined : (JSON.parse(text) as Binding);
}

/** Answers what the store is bound to: where another process bound it at the same time, both see the same. */
export async function writeBinding(connection: Connection, binding: Binding): Promise<Binding> {
  const already = await readBinding(connection);
  if (already !== undefined) return already;
  await writeMeta(connection, "log", JSON.stringify(binding));
  return (await readBinding(connection)) ?? binding;
}
