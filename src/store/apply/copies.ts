/** Which rows are copies of ones that came before, by a table of ids: one rule, whichever store keeps the table. */
import { type IdHasher, isRemembered } from "../../domain/ids.ts";
import {
  type DeadLetterPlace,
  deadLetterId,
  deadLetterPlace,
  letterIdentity,
  replayIdentity,
} from "../../domain/record/dead-letter.ts";
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

/** When an id was received that is never forgotten: no record can have been received later. Microseconds since 1970. */
const forEverUs = Number.MAX_SAFE_INTEGER;

type Row = EventRow | DeadLetterRow;

/** An id that makes a row a copy where it was taken before. */
interface Claim {
  readonly key: string;
  /** As of StoredId; absent: the row does not take the id itself. */
  readonly receivedUs?: number;
  /** What was stored from this offset or before is passed over. */
  readonly after: number;
}

/**
 * Of each id the first event counts, within the window: the one that the table has, which keeps its place when it comes
 * again, else the first of these. Only what stands before a row makes it a copy: the table may have ids of rows behind it,
 * whose own rows a crash has taken. A dead letter takes an id of its own, not its event's, which can so be sent again once
 * it is mended. A replay takes one of its letter's besides its event's: for ever, since it has the received time of the
 * letter, and so is older than the window as soon as the letter is.
 *
 * @param decoded rows in the order of their offsets within each partition, events and dead letters each
 */
export async function sortOut(
  table: IdTable,
  { hashId, dedupWindowMs }: SortingRule,
  decoded: DecodedBlocks,
): Promise<SortedOut> {
  const rows = inOrder(decoded);
  const claims = rows.map((row) => claimsOf(hashId, row));
  const known = await table.lookUp(claims.flatMap((some) => some.map(({ key }) => key)));
  const ids: NewId[] = [];
  const copies = new Set<Row>();
  const storedBy = (key: string): StoredId[] => {
    let stored = known.get(key);
    if (stored === undefined) {
      stored = [];
      known.set(key, stored);
    }
    return stored;
  };
  rows.forEach((row, i) => {
    const { partition, offset } = row;
    const own = claims[i]!.map((claim) => ({ ...claim, stored: storedBy(claim.key) }));
    const untaken = own.filter(({ stored }) => !stored.some((one) => one.offset === offset));
    // What has one of its ids counted before.
    if (untaken.length === own.length && own.some((claim) => isTaken(claim, row, dedupWindowMs))) {
      copies.add(row);
      return;
    }
    for (const { key, receivedUs, stored } of untaken) {
      if (receivedUs === undefined) continue;
      const id = { partition, key, offset, receivedUs, stored };
      stored.push(id);
      ids.push(id);
    }
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

/** Whether what was stored before a row makes it a copy. */
function isTaken(
  { after, stored }: Claim & { readonly stored: readonly StoredId[] },
  row: Row,
  dedupWindowMs: number,
): boolean {
  let before: StoredId | undefined;
  for (const one of stored) {
    if (one.offset <= after || one.offset >= row.offset) continue;
    if (before === undefined || one.offset >= before.offset) before = one;
  }
  if (before === undefined) return false;
  return isRemembered(before.receivedUs / 1000, receivedUsOf(row) / 1000, dedupWindowMs);
}

/** None where the record has no identity. */
function claimsOf(hashId: IdHasher, row: Row): Claim[] {
  const identity = "flat" in row ? row.flat : row.identity;
  if (identity === undefined) return [];
  const { partition, replays } = row;
  // Of what cannot be anybody's, as the record itself says.
  const project = "project" in identity ? identity.project : row.project;
  const keyOf = (id: string) => partitionText(partition) + hashId(project, identity.userId, id);
  const letter = replays === undefined ? undefined : deadLetterPlace(replays);
  // The letter was no copy of what stands before it; a version from before may have stored its event's id from it.
  const after = letter?.partition === partition ? letter.offset : -1;
  const key = keyOf(identity.id);
  const receivedUs = receivedUsOf(row);
  const claims: Claim[] = ["flat" in row ? { key, receivedUs, after } : { key, after }];
  if (letter !== undefined) {
    claims.push({ key: keyOf(replayIdentity(deadLetterId(letter))), receivedUs: forEverUs, after: -1 });
  } else if (!("flat" in row)) {
    claims.push({ key: keyOf(letterIdentity(identity.id)), receivedUs, after: -1 });
  }
  return claims;
}

export function partitionText(partition: number): string {
  return String.fromCharCode(
    partition & 0xff,
    (partition >> 8) & 0xff,
    (partition >> 16) & 0xff,
    partition >> 24,
  );
}
