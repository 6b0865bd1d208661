/** Which events are copies of ones that came before, by the id table. */
import type { IdHasher } from "../../domain/ids.ts";
import type { EventRow } from "../apply/rows.ts";
import type { Connection } from "./connection.ts";
import type { IdRow } from "./inserts.ts";

export interface SortedOut {
  /** Events that count. */
  readonly events: readonly EventRow[];
  /** Ids that the table lacks. */
  readonly ids: readonly IdRow[];
  /** Copies of events at other offsets. */
  readonly duplicates: readonly EventRow[];
}

/** Ids of one look-up; each takes 27 letters of the statement. */
const maxLookedUp = 100_000;
/** Partition and hash. */
const keyBytes = 4 + 16;

/**
 * Of each id the first event counts: the one that the table has, which keeps its place when it comes again, else the
 * first of these.
 *
 * @param events in the order of their offsets within each partition
 */
export async function sortOut(
  connection: Connection,
  hashId: IdHasher,
  events: readonly EventRow[],
): Promise<SortedOut> {
  const keys = events.map(
    ({ project, flat, partition }) => partitionBytes(partition) + hashId(project, flat.userId, flat.id),
  );
  const known = await lookUp(connection, [...new Set(keys)]);
  const kept: EventRow[] = [];
  const ids: IdRow[] = [];
  const duplicates: EventRow[] = [];
  events.forEach((event, i) => {
    const key = keys[i]!;
    const offsets = known.get(key);
    if (offsets === undefined) {
      known.set(key, [event.offset]);
      const { partition, offset, flat } = event;
      ids.push({ partition, hash: key.slice(4), offset, receivedUs: flat.receivedUs });
      kept.push(event);
    } else if (offsets.includes(event.offset)) kept.push(event);
    else duplicates.push(event);
  });
  return { events: kept, ids, duplicates };
}

/** Offsets by key. */
async function lookUp(connection: Connection, keys: readonly string[]): Promise<Map<string, number[]>> {
  const known = new Map<string, number[]>();
  for (let from = 0; from < keys.length; from += maxLookedUp) {
    const part = keys.slice(from, from + maxLookedUp);
    const bytes = Buffer.from(part.join(""), "latin1").toString("base64");
    // One text that is unfolded there: lists of numbers this large lose digits, or do not fit into a URL.
    const query = `
      WITH base64Decode('${bytes}') AS bytes
      SELECT partition, hash, offset FROM ids WHERE (partition, hash) IN (
        SELECT reinterpretAsInt32(substring(bytes, number * ${keyBytes} + 1, 4)),
          reinterpretAsUInt128(substring(bytes, number * ${keyBytes} + 5, 16))
        FROM numbers(${part.length})
      )`;
    for await (const { rowCount, columns } of connection.blocks({ query, params: {} })) {
      const [partition, hash, offset] = columns;
      if (partition?.kind !== "numbers" || hash?.kind !== "keys" || offset?.kind !== "numbers") continue;
      const hashes = Buffer.from(hash.words.buffer);
      for (let row = 0; row < rowCount; row++) {
        const key =
          partitionBytes(partition.values[row]!) + hashes.toString("latin1", 16 * row, 16 * row + 16);
        const offsets = known.get(key);
        if (offsets === undefined) known.set(key, [offset.values[row]!]);
        else offsets.push(offset.values[row]!);
      }
    }
  }
  return known;
}

function partitionBytes(partition: number): string {
  return String.fromCharCode(
    partition & 0xff,
    (partition >> 8) & 0xff,
    (partition >> 16) & 0xff,
    partition >> 24,
  );
}
