/** What the stores of DuckDB of every schema version have in common, as it was written. */
import { DuckDBInstance } from "@duckdb/node-api";
import { type OldEvent, oldApplied, oldDeadLetter, oldEnds, oldLogId } from "./events.ts";

export interface OldStore {
  /** When everything was received, in milliseconds since 1970. */
  readonly receivedMs: number;
  /** The dead letter's record; absent: there is no dead letter. */
  readonly deadLetter?: Buffer;
}

export const sharedTables = [
  "CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL)",
  'CREATE TABLE positions ("partition" INTEGER NOT NULL, "offset" BIGINT NOT NULL)',
  "CREATE TABLE users (user_key INTEGER NOT NULL, project VARCHAR NOT NULL, user_id VARCHAR NOT NULL)",
];

const users = [...new Set(oldApplied.map(({ userId }) => userId))];

/** Makes a file by statements, and what every version wrote in the same way. */
export async function writeStore(
  path: string,
  settings: Readonly<Record<string, string>>,
  statements: readonly string[],
  version: number,
  { receivedMs, deadLetter }: OldStore,
): Promise<void> {
  const positions = oldEnds(oldApplied, { deadLetter: deadLetter !== undefined });
  await runOn(path, settings, [
    ...statements,
    `INSERT INTO meta VALUES ('schema_version', '${version}'), ('log_id', '${oldLogId}')`,
    ...positions.map((position, partition) => `INSERT INTO positions VALUES (${partition}, ${position})`),
    ...users.map((user, i) => `INSERT INTO users VALUES (${i + 1}, 'default', ${text(user)})`),
    ...(deadLetter === undefined ? [] : [insertDeadLetter(deadLetter, receivedMs)]),
  ]);
}

/** Runs statements on a file, which is made where there is none. */
export async function runOn(
  path: string,
  settings: Readonly<Record<string, string>>,
  statements: readonly string[],
): Promise<void> {
  const instance = await DuckDBInstance.create(path, settings);
  const connection = await instance.connect();
  for (const statement of statements) await connection.run(statement);
  connection.closeSync();
  instance.closeSync();
}

function insertDeadLetter(record: Buffer, receivedMs: number): string {
  const { partition, offset, project, reason, message } = oldDeadLetter;
  const columns = `"partition", "offset", project, reason, message, received_us, record`;
  const texts = [project, reason, message].map(text).join(", ");
  return `INSERT INTO dead_letters (${columns})
    VALUES (${partition}, ${offset}, ${texts}, ${receivedMs * 1000}, unhex('${record.toString("hex")}'))`;
}

export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** A map; `type` where it has no entries. */
export function map(values: Readonly<Record<string, string | number>>, type: string): string {
  const entries = Object.entries(values).map(
    ([key, value]) => `${text(key)}: ${typeof value === "string" ? text(value) : value}`,
  );
  return `MAP {${entries.join(", ")}}::MAP(VARCHAR, ${type})`;
}

/** What stands between an event's id and its maps, and behind them. */
export function middle(
  { userId, sessionId, name, source, timestampUs }: OldEvent,
  receivedMs: number,
): string {
  const texts = [userId, sessionId, name, "custom", source].map(text).join(", ");
  return `${users.indexOf(userId) + 1}, ${texts}, ${timestampUs}, ${receivedMs * 1000}`;
}
