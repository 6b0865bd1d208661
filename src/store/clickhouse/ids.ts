/** The table of ids. */
import { type IdTable, idKeyBytes, partitionBytes, partitionText, type StoredId } from "../apply/copies.ts";
import type { Connection } from "./connection.ts";

/** Ids of one look-up; each takes 22 letters of the statement. */
const maxLookedUp = 100_000;
const hashBytes = idKeyBytes - partitionBytes;

export function createIdTable(connection: Connection): IdTable {
  return { lookUp: (keys) => lookUp(connection, keys) };
}

/** What the table has of these keys. */
async function lookUp(connection: Connection, keys: readonly string[]): Promise<Map<string, StoredId[]>> {
  const known = new Map<string, StoredId[]>();
  for (let from = 0; from < keys.length; from += maxLookedUp) {
    const part = keys.slice(from, from + maxLookedUp);
    const partitions = new Set(part.map(partitionOfKey));
    const hashes = part.map((key) => key.slice(partitionBytes)).join("");
    const bytes = Buffer.from(hashes, "latin1").toString("base64");
    // One text that is unfolded there: lists of numbers this large lose digits, or do not fit into a URL. Partitions and
    // hashes apart are found in half the time that pairs take, and in a quarter where there are many; what else is found,
    // a hash on another of these partitions, nobody asks for.
    const query = `
      WITH base64Decode('${bytes}') AS bytes
      SELECT partition, hash, offset, received_us FROM ids
      WHERE partition IN (${[...partitions].join(", ")}) AND hash IN (
        SELECT reinterpretAsUInt128(substring(bytes, number * ${hashBytes} + 1, ${hashBytes}))
        FROM numbers(${part.length})
      )`;
    for await (const { rowCount, columns } of connection.blocks({ query, params: {} })) {
      const [partition, hash, offset, receivedUs] = columns;
      if (partition?.kind !== "numbers" || hash?.kind !== "keys") continue;
      if (offset?.kind !== "numbers" || receivedUs?.kind !== "numbers") continue;
      const found = Buffer.from(hash.words.buffer);
      for (let row = 0; row < rowCount; row++) {
        const key =
          partitionText(partition.values[row]!) +
          found.toString("latin1", hashBytes * row, hashBytes * (row + 1));
        const one = { offset: offset.values[row]!, receivedUs: receivedUs.values[row]! };
        const stored = known.get(key);
        if (stored === undefined) known.set(key, [one]);
        else stored.push(one);
      }
    }
  }
  return known;
}

/**
 * Forgets the ids of records from an offset on: of a partition that is taken over there, they are of rows that do not count
 * any more. Where the records come again, so do the ids; where the log has lost them, others would be taken for their copies.
 */
export async function forgetIdsFrom(
  connection: Connection,
  partition: number,
  offset: number,
): Promise<void> {
  const condition = `partition = ${partition} AND offset >= ${offset}`;
  const found = await connection.table({ query: `SELECT 1 FROM ids WHERE ${condition} LIMIT 1`, params: {} });
  if (found.rowCount === 0) return;
  await connection.remove({ query: `DELETE FROM ids WHERE ${condition}`, params: {} });
}

function partitionOfKey(key: string): number {
  return Buffer.from(key.slice(0, partitionBytes), "latin1").readInt32LE(0);
}
