/** Fills the tables of ids of the stores as after so many events, without their rows: a look-up costs the same. */
import { randomBytes } from "node:crypto";
import type { LogIdentity } from "../../../src/log/identity.ts";
import { openLevelDatabase } from "../../../src/log/level/database.ts";
import { idKeys } from "../../../src/log/level/keys.ts";
import { partitionText } from "../../../src/store/apply/copies.ts";
import { createConnection } from "../../../src/store/clickhouse/connection.ts";
import { openIdTable } from "../../../src/store/duckdb/id-table.ts";

/** Rows of one statement. */
const clickhouseBatch = 1_000_000;
const duckdbBatch = 50_000;
const hashBytes = 16;

/** @param url of the database, as http://… */
export async function rememberInClickhouse(url: string, { partitions }: LogIdentity, count: number) {
  const connection = createConnection({ url, maxConnections: 1 });
  try {
    for (let from = 0; from < count; from += clickhouseBatch) {
      await connection.command(`
        INSERT INTO ids SELECT number % ${partitions}, reinterpretAsUInt128(sipHash128(number)),
          intDiv(number, ${partitions}), ${Date.now()} * 1000
        FROM numbers(${from}, ${Math.min(clickhouseBatch, count - from)})`);
    }
    // As it stands after days, not as after a sudden flood.
    await connection.command("OPTIMIZE TABLE ids FINAL");
  } finally {
    await connection.close();
  }
}

export async function rememberInDuckdb(folder: string, { logId, partitions }: LogIdentity, count: number) {
  const table = await openIdTable(folder);
  await table.bind(logId, partitions);
  const nowhere = Array<number>(partitions).fill(0);
  const receivedUs = Date.now() * 1000;
  for (let from = 0; from < count; from += duckdbBatch) {
    const length = Math.min(duckdbBatch, count - from);
    const random = randomBytes(hashBytes * length);
    const ids = Array.from({ length }, (_, i) => {
      const stored = { offset: Math.floor((from + i) / partitions), receivedUs };
      const partition = (from + i) % partitions;
      const key = partitionText(partition) + random.toString("latin1", i * hashBytes, (i + 1) * hashBytes);
      return { ...stored, partition, key, stored: [stored] };
    });
    await table.write(ids, nowhere, nowhere);
  }
  await table.close();
  const database = await openLevelDatabase({ directory: folder });
  // As it stands after days, not as after a sudden flood.
  await database.compactRange(idKeys.start, idKeys.end);
  await database.close();
}
