/** Which rows are copies of ones that came before, by the id table. */
import type { IdHasher } from "../../domain/ids.ts";
import { type DeadLetterPlace, deadLetterPlace, replayIdentity } from "../../domain/record/dead-letter.ts";
import type { DeadLetterRow, DecodedBlocks, EventRow } from "../apply/rows.ts";
import type { Connection } from "./connection.ts";
import type { IdRow } from "./inserts.ts";

export interface SortedOut {
  /** Rows that count. */
  readonly events: readonly EventRow[];
  readonly deadLetters: readonly DeadLetterRow[];
  /** Ids that the table lacks. */
  readonly ids: readonly IdRow[];
  /** Copies of rows at other offsets. */
  readonly duplicates: readonly { readonly project: string }[];
  /** Dead letters whose replays are among the rows that count. */
  readonly replayed: readonly DeadLetterPlace[];
}

/** Ids of one look-up; each takes 27 letters of the statement. */
const maxLookedUp = 100_000;
const partitionBytes = 4;
/** Partition and hash. */
const keyBytes = partitionBytes + 16;

/**
 * Of each id the first row counts: the one that the table has, which keeps its place when it comes again, else the first
 * of these. A dead letter has taken its id as well; its replay goes by an id of its own, once.
 *
 * @param decoded rows in the order of their offsets within each partition, events and dead letters each
 */
export async function sortOut(
  connection: Connection,
  hashId: IdHasher,
  decoded: DecodedBlocks,
): Promise<SortedOut> {
  const rows = [...decoded.events, ...decoded.deadLetters].sort(
    (a, b) => a.partition - b.partition || a.offset - b.offset,
  );
  const keys = rows.map((row) => keyOf(hashId, row));
  const known = await lookUp(connection, [...new Set(keys.filter((key) => key !== undefined))]);
  const ids: IdRow[] = [];
  const copies = new Set<EventRow | DeadLetterRow>();
  rows.forEach((row, i) => {
    const key = keys[i];
    if (key === undefined) return;
    const { partition, offset } = row;
    const offsets = known.get(key);
    if (offsets === undefined) {
      known.set(key, [offset]);
      const receivedUs = "flat" in row ? row.flat.receivedUs : row.receivedUs;
      ids.push({ partition, hash: key.slice(partitionBytes), offset, receivedUs });
    } else if (!offsets.includes(offset)) copies.add(row);
  });
  const counts = (row: EventRow | DeadLetterRow) => !copies.has(row);
  return {
    events: decoded.events.filter(counts),
    deadLetters: decoded.deadLetters.filter(counts),
    ids,
    duplicates: [...copies],
    replayed: rows
      .filter(counts)
      .map(({ replays }) => (replays === undefined ? undefined : deadLetterPlace(replays)))
      .filter((place) => place !== undefined),
  };
}

/** Partition and hash as latin1; undefined where the record has no identity. */
function keyOf(hashId: IdHasher, row: EventRow | DeadLetterRow): string | undefined {
  const identity = "flat" in row ? row.flat : row.identity;
  if (identity === undefined) return undefined;
  const { project, partition, replays } = row;
  const id = replays === undefined ? identity.id : replayIdentity(replays);
  return partitionText(partition) + hashId(project, identity.userId, id);
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
          partitionText(partition.values[row]!) + hashes.toString("latin1", 16 * row, 16 * row + 16);
        const offsets = known.get(key);
        if (offsets === undefined) known.set(key, [offset.values[row]!]);
        else offsets.push(offset.values[row]!);
      }
    }
  }
  return known;
}

function partitionText(partition: number): string {
  return String.fromCharCode(
    partition & 0xff,
    (partition >> 8) & 0xff,
    (partition >> 16) & 0xff,
    partition >> 24,
  );
}
