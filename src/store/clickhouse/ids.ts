/** The table of ids. */
import { type IdTable, idKeyBytes, partitionBytes, partitionText, type StoredId } from "../apply/copies.ts";
import type { Connection } from "./connection.ts";

/** Ids of one look-up; each takes 27 letters of the statement. */
const maxLookedUp = 100_000;

export function createIdTable(connection: Connection): IdTable {
  return { lookUp: (keys) => lookUp(connection, keys) };
}

/** What the table has of these keys. */
async function lookUp(connection: Connection, keys: readonly string[]): Promise<Map<string, StoredId[]>> {
  const known = new Map<string, StoredId[]>();
  for (let from = 0; from < keys.length; from += maxLookedUp) {
    const part = keys.slice(from, from + maxLookedUp);
    const bytes = Buffer.from(part.join(""), "latin1").toString("base64");
    // One text that is unfolded there: lists of numbers this large lose digits, or do not fit into a URL.
    const query = `
      WITH base64Decode('${bytes}') AS bytes
      SELECT partition, hash, offset, received_us FROM ids WHERE (partition, hash) IN (
        SELECT reinterpretAsInt32(substring(bytes, number * ${idKeyBytes} + 1, ${partitionBytes})),
          reinterpretAsUInt128(substring(bytes, number * ${idKeyBytes} + ${partitionBytes + 1}, 16))
        FROM numbers(${part.length})
      )`;
    for await (const { rowCount, columns } of connection.blocks({ query, params: {} })) {
      const [partition, hash, offset, receivedUs] = columns;
      if (partition?.kind !== "numbers" || hash?.kind !== "keys") continue;
      if (offset?.kind !== "numbers" || receivedUs?.kind !== "numbers") continue;
      const hashes = Buffer.from(hash.words.buffer);
      for (let row = 0; row < rowCount; row++) {
        const key =
          partitionText(partition.values[row]!) + hashes.toString("latin1", 16 * row, 16 * row + 16);
        const one = { offset: offset.values[row]!, receivedUs: receivedUs.values[row]! };
        const stored = known.get(key);
        if (stored === undefined) known.set(key, [one]);
        else stored.push(one);
      }
    }
  }
  return known;
}
