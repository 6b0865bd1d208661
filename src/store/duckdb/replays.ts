import type { DuckDBConnection } from "@duckdb/node-api";
import { type DeadLetterPlace, deadLetterId, deadLetterPlace } from "../../domain/record/dead-letter.ts";
import type { DecodedBlocks } from "../apply/rows.ts";

type Rows = Pick<DecodedBlocks, "events" | "deadLetters">;

/** What is left of rows once replays that were applied before are taken out. */
export interface SettledRows extends Rows {
  /** The replays that were taken out. */
  readonly duplicates: readonly { readonly project: string }[];
  /** Dead letters whose replays are among the rows. */
  readonly replayed: readonly DeadLetterPlace[];
}

/**
 * Lets each dead letter be replayed once, however often its record comes: the table says which were, in the transaction
 * that applied them. What is an event of its own is no dead letter: a store that is built anew from the log may take what an
 * earlier version set aside, and then its replay is a copy.
 */
export async function settleReplays(
  connection: DuckDBConnection,
  { events, deadLetters }: Rows,
): Promise<SettledRows> {
  const rows = [...events, ...deadLetters].filter(({ replays }) => replays !== undefined);
  if (rows.length === 0) return { events, deadLetters, duplicates: [], replayed: [] };
  const counted = await countedPlaces(connection, rows);
  for (const event of events) counted.add(deadLetterId(event));
  const done = await replayedBefore(connection);
  const replayed = new Map<string, DeadLetterPlace>();
  const duplicates: { project: string }[] = [];
  const isFirst = ({ project, replays }: { project: string; replays?: string | undefined }): boolean => {
    const place = replays === undefined ? undefined : deadLetterPlace(replays);
    if (place === undefined) return true;
    const id = deadLetterId(place);
    if (done.has(id) || counted.has(id) || replayed.has(id)) {
      duplicates.push({ project });
      return false;
    }
    replayed.set(id, place);
    return true;
  };
  return {
    events: events.filter(isFirst),
    deadLetters: deadLetters.filter(isFirst),
    duplicates,
    replayed: [...replayed.values()],
  };
}

function replayedBefore(connection: DuckDBConnection): Promise<Set<string>> {
  return placesOf(connection, "dead_letters WHERE replayed_us IS NOT NULL");
}

/** Of the letters that rows replay, those in whose place there is an event. */
async function countedPlaces(
  connection: DuckDBConnection,
  rows: readonly { readonly replays?: string | undefined }[],
): Promise<Set<string>> {
  const places = rows.map(({ replays }) => deadLetterPlace(replays!)).filter((place) => place !== undefined);
  if (places.length === 0) return new Set();
  const values = places.map(({ partition, offset }) => `(${partition}, ${offset})`).join(", ");
  return placesOf(connection, `events WHERE ("partition", "offset") IN (${values})`);
}

async function placesOf(connection: DuckDBConnection, where: string): Promise<Set<string>> {
  const result = await connection.runAndReadAll(`SELECT "partition", "offset" FROM ${where}`);
  return new Set(
    result
      .getRows()
      .map(([partition, offset]) => deadLetterId({ partition: Number(partition), offset: Number(offset) })),
  );
}

/** Notes, within the transaction, that these were replayed. */
export async function markReplayed(
  connection: DuckDBConnection,
  places: readonly DeadLetterPlace[],
  nowUs: number,
): Promise<void> {
  for (const { partition, offset } of places) {
    await connection.run(
      'UPDATE dead_letters SET replayed_us = $1 WHERE "partition" = $2 AND "offset" = $3',
      [BigInt(nowUs), partition, BigInt(offset)],
    );
  }
}
