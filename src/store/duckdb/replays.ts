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
 * that applied them.
 */
export async function settleReplays(
  connection: DuckDBConnection,
  { events, deadLetters }: Rows,
): Promise<SettledRows> {
  const rows = [...events, ...deadLetters].filter(({ replays }) => replays !== undefined);
  if (rows.length === 0) return { events, deadLetters, duplicates: [], replayed: [] };
  const done = await replayedBefore(connection);
  const replayed = new Map<string, DeadLetterPlace>();
  const duplicates: { project: string }[] = [];
  const isFirst = ({ project, replays }: { project: string; replays?: string | undefined }): boolean => {
    const place = replays === undefined ? undefined : deadLetterPlace(replays);
    if (place === undefined) return true;
    const id = deadLetterId(place);
    if (done.has(id) || replayed.has(id)) {
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

async function replayedBefore(connection: DuckDBConnection): Promise<Set<string>> {
  const result = await connection.runAndReadAll(
    'SELECT "partition", "offset" FROM dead_letters WHERE replayed_us IS NOT NULL',
  );
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
