/** Writes of an owner: each in one statement, which the server refuses where another has taken a partition over. */
import type { DeadLetterPlace } from "../../domain/record/dead-letter.ts";
import { type NewId, partitionBytes } from "../apply/copies.ts";
import type { DeadLetterRow, EventRow } from "../apply/rows.ts";
import type { Connection } from "./connection.ts";
import { createRowBinaryWriter, type RowBinaryWriter } from "./row-binary.ts";

/** Who writes: the epoch of each partition that the rows are of. */
export type Epochs = ReadonlyMap<number, number>;

export interface Inserts {
  events(rows: readonly EventRow[], epochs: Epochs): Promise<void>;
  ids(rows: readonly NewId[], epochs: Epochs): Promise<void>;
  /** @param nowUs when they became dead letters */
  deadLetters(rows: readonly DeadLetterRow[], epochs: Epochs, nowUs: number): Promise<void>;
  /** Notes that these dead letters were replayed. */
  replays(places: readonly DeadLetterPlace[], epochs: Epochs, nowUs: number): Promise<void>;
}

const eventColumns = {
  project: "String",
  id: "String",
  user_id: "String",
  session_id: "String",
  name: "String",
  event_type: "String",
  source: "String",
  timestamp_us: "Int64",
  received_us: "Int64",
  properties: "Map(String, String)",
  measures: "Map(String, Float64)",
  partition: "Int32",
  offset: "Int64",
  epoch: "Int64",
};
const idColumns = { partition: "Int32", hash: "UInt128", offset: "Int64", received_us: "Int64" };
const deadLetterColumns = {
  partition: "Int32",
  offset: "Int64",
  project: "String",
  reason: "String",
  message: "String",
  created_us: "Int64",
  record: "String",
};
const replayColumns = { partition: "Int32", offset: "Int64", replayed_us: "Int64" };

/** @param timeoutMs after which the server ends an insert */
export function createInserts(connection: Connection, timeoutMs: number): Inserts {
  async function insert<R>(
    table: string,
    columns: Readonly<Record<string, string>>,
    rows: readonly R[],
    epochs: Epochs,
    write: (to: RowBinaryWriter, row: R) => void,
  ): Promise<void> {
    if (rows.length === 0) return;
    const writer = createRowBinaryWriter();
    for (const row of rows) write(writer, row);
    const names = Object.keys(columns).join(", ");
    const structure = Object.entries(columns).map(([name, type]) => `${name} ${type}`);
    const statement = `INSERT INTO ${table} (${names}) SELECT ${names} FROM input('${structure.join(", ")}') WHERE ${unfenced(epochs)}`;
    await connection.insert(statement, writer.result(), timeoutMs);
  }

  return {
    events: (rows, epochs) =>
      insert("events", eventColumns, rows, epochs, (to, row) =>
        writeEvent(to, row, epochs.get(row.partition)!),
      ),
    ids: (rows, epochs) =>
      insert("ids", idColumns, rows, epochs, (to, { partition, key, offset, receivedUs }) => {
        to.int32(partition);
        to.raw(Buffer.from(key.slice(partitionBytes), "latin1"));
        to.int64(offset);
        to.int64(receivedUs);
      }),
    replays: (places, epochs, nowUs) =>
      insert("replays", replayColumns, places, epochs, (to, { partition, offset }) => {
        to.int32(partition);
        to.int64(offset);
        to.int64(nowUs);
      }),
    deadLetters: (rows, epochs, nowUs) =>
      insert("dead_letters", deadLetterColumns, rows, epochs, (to, row) => {
        to.int32(row.partition);
        to.int64(row.offset);
        to.text(row.project);
        to.text(row.reason);
        to.text(row.message);
        to.int64(nowUs);
        to.bytes(row.record);
      }),
  };
}

/**
 * Ends the statement where a partition has a fence of a higher epoch. So a former owner that wakes up writes nothing, and
 * what it wrote before ends by its deadline, after which a fence may be closed.
 */
function unfenced(epochs: Epochs): string {
  const fenced = [...epochs].map(([partition, epoch]) => `(partition = ${partition} AND epoch > ${epoch})`);
  return `throwIf((SELECT count() FROM fences WHERE ${fenced.join(" OR ")}) > 0, 'another owner has taken over') = 0`;
}

function writeEvent(
  to: RowBinaryWriter,
  { project, flat, partition, offset }: EventRow,
  epoch: number,
): void {
  to.text(project);
  to.text(flat.id);
  to.text(flat.userId);
  to.text(flat.sessionId);
  to.text(flat.name);
  to.text(flat.eventType);
  to.text(flat.source);
  to.int64(flat.timestampUs);
  to.int64(flat.receivedUs);
  const properties = Object.keys(flat.properties);
  to.count(properties.length);
  for (const key of properties) {
    to.text(key);
    to.text(flat.properties[key]!);
  }
  const measures = Object.keys(flat.measures);
  to.count(measures.length);
  for (const key of measures) {
    to.text(key);
    to.float64(flat.measures[key]!);
  }
  to.int32(partition);
  to.int64(offset);
  to.int64(epoch);
}
