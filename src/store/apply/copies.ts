/** Which rows are copies of ones that came before, by a table of ids: one rule, whichever store keeps the table. */
import { type IdHasher, isRemembered } from "../../domain/ids.ts";
import { type DeadLetterPlace, deadLetterPlace, takenId } from "../../domain/record/dead-letter.ts";
import type { DeadLetterRow, DecodedBlocks, EventRow } from "./rows.ts";

/** The record that an id was stored from. */
export interface StoredId {
  readonly offset: number;
  readonly receivedUs: number;
}

/** An id that the table is to remember. */
export interface NewId extends StoredId {
  readonly partition: number;
  readonly key: string;
  /** Everything that the id was stored from, this too, in no order. */
  readonly stored: readonly StoredId[];
}

export interface IdTable {
  /**
   * What ids were stored from, by key, of those that the table has. The caller adds to it.
   *
   * @param keys of which some may be there more than once
   */
  lookUp(keys: readonly string[]): Promise<Map<string, StoredId[]>>;
}

export interface SortedOut extends DecodedBlocks {
  /** Ids that the table lacks. */
  readonly ids: readonly NewId[];
  /** Copies of rows at other offsets. */
  readonly duplicates: readonly { readonly project: string }[];
  /** Dead letters whose replays are among the rows that count. */
  readonly replayed: readonly DeadLetterPlace[];
}

export interface SortingRule {
  readonly hashId: IdHasher;
  /** Milliseconds after its first copy was received in which an event is a copy of it. */
  readonly dedupWindowMs: number;
}

export const partitionBytes = 4;
/** Of a key: partition, little-endian, and hash. A key is text with one character for each byte (latin1). */
export const idKeyBytes = partitionBytes + 16;

type Row = EventRow | DeadLetterRow;

/**
 * Of each id the first row counts, within the window: the one that the table has, which keeps its place when it comes
 * again, else the first of these. Only what stands before a row makes it a copy: the table may have ids of rows behind it,
 * whose own rows a crash has taken. A dead letter has taken its id as well; its replay goes by an id of its own, once.
 *
 * @param decoded rows in the order of their offsets within each partition, events and dead letters each
 */
export async function sortOut(
  table: IdTable,
  { hashId, dedupWindowMs }: SortingRule,
  decoded: DecodedBlocks,
): Promise<SortedOut> {
  const rows = inOrder(decoded);
  const keys = rows.map((row) => keyOf(hashId, row));
  const known = await table.lookUp(keys.filter((key) => key !== undefined));
  const ids: NewId[] = [];
  const copies = new Set<Row>();
  rows.forEach((row, i) => {
    const key = keys[i];
    if (key === undefined) return;
    let stored = known.get(key);
    if (stored === undefined) {
      stored = [];
      known.set(key, stored);
    }
    const { partition, offset } = row;
    const receivedUs = receivedUsOf(row);
    let before: StoredId | undefined;
    for (const one of stored) {
      if (one.offset === offset) return;
      if (one.offset < offset && !(before !== undefined && one.offset < before.offset)) before = one;
    }
    if (before !== undefined && isRemembered(before.receivedUs / 1000, receivedUs / 1000, dedupWindowMs)) {
      copies.add(row);
      return;
    }
    const id = { partition, key, offset, receivedUs, stored };
    stored.push(id);
    ids.push(id);
  });
  const counts = (row: Row) => !copies.has(row);
  return {
    positions: decoded.positions,
    events: decoded.events.filter(counts),
    deadLetters: decoded.deadLetters.filter(counts),
    ids,
    duplicates: [...copies],
    replayed: rows
      .filter((row) => row.replays !== undefined && counts(row))
      .map(({ replays }) => deadLetterPlace(replays!))
      .filter((place) => place !== undefined),
  };
}

/** All rows, of each partition in the order of their offsets. */
function inOrder({ events, deadLetters }: DecodedBlocks): readonly Row[] {
  if (deadLetters.length === 0) return events;
  return [...events, ...deadLetters].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

function receivedUsOf(row: Row): number {
  return "flat" in row ? row.flat.receivedUs : row.receivedUs;
}

/** Undefined where the record has no identity. */
function keyOf(hashId: IdHasher, row: Row): string | undefined {
  const identity = "flat" in row ? row.flat : row.identity;
  if (identity === undefined) return undefined;
  const { partition, replays } = row;
  // Of what cannot be anybody's, as the record itself says.
  const project = "project" in identity ? identity.project : row.project;
  const id = takenId(identity.id, replays, partition);
  return partitionText(partition) + hashId(project, identity.userId, id);
}

export function partitionText(partition: number): string {
  return String.fromCharCode(
    partition & 0xff,
    (partition >> 8) & 0xff,
    (partition >> 16) & 0xff,
    partition >> 24,
  );
}
