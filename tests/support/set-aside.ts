/** Dead letters in the data directory of a server that is stopped. */
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { LogRecord } from "../../src/log/log.ts";
import { applied, type EventOptions, eventRecord, openPipeline } from "./pipeline.ts";

/** A record that is no record. */
export function brokenRecord(id: string): LogRecord {
  return { ...eventRecord({ id }), value: [Uint8Array.of(0xff, 0xff)] };
}

/** A record whose event breaks a rule, as one of another program may. */
export function invalidRecord(options: EventOptions): LogRecord {
  return eventRecord({ ...options, measures: { a: Number.POSITIVE_INFINITY } });
}

/** Puts records on the log past admission, and applies them. */
export async function appendRecords(dataDir: string, records: readonly LogRecord[]): Promise<void> {
  const pipeline = await openPipeline(dataDir, { clock: { nowMs: Date.now() } });
  const consumer = pipeline.consumer();
  consumer.start();
  try {
    await pipeline.log.append(records);
    await applied(pipeline);
  } finally {
    await consumer.stop();
    await pipeline.close();
  }
}

/**
 * Sets aside events that are stored, as a version of the program would have done that had stricter rules.
 *
 * @param records those that appendRecords brought
 */
export async function setAside(dataDir: string, records: readonly LogRecord[]): Promise<void> {
  const instance = await DuckDBInstance.create(join(dataDir, "store.duckdb"));
  const connection = await instance.connect();
  for (const { id, project, value } of records) {
    const record = Buffer.concat(value as Uint8Array[]).toString("base64");
    await connection.run(
      `INSERT INTO dead_letters
       SELECT "partition", "offset", $1, 'INVALID_EVENT', 'too strict', received_us, from_base64($2), received_us, NULL
       FROM events WHERE project = $1 AND id_text = $3`,
      [project, record, id],
    );
    await connection.run("DELETE FROM events WHERE project = $1 AND id_text = $2", [project, id]);
  }
  await connection.run("CHECKPOINT");
  connection.closeSync();
  instance.closeSync();
}
