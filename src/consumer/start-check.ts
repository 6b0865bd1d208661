import type { LogReader } from "../log/log.ts";
import type { EventStore } from "../store/store.ts";

/** Log and store do not fit each other; the message says what is missing and what can be done. */
export class PositionsError extends Error {
  override readonly name = "PositionsError";
}

/**
 * Binds a new store to the log, and makes sure that the store can go on from where it stands: otherwise events would be
 * missing or doubled without a word.
 *
 * @param rebuild whether to go on although the log no longer has what the store lacks
 * @throws PositionsError
 */
export async function checkPositions(log: LogReader, store: EventStore, rebuild: boolean): Promise<void> {
  if (store.logId === undefined) await store.bind(log.logId, log.partitions);
  else if (store.logId !== log.logId) {
    throw new PositionsError(
      `the store belongs to log ${store.logId}, but this is log ${log.logId}: ` +
        "give both of one data directory, or move the store away to build a new one from the log",
    );
  }
  const positions = store.positions();
  const ends = log.ends();
  const starts = log.starts();
  for (let partition = 0; partition < log.partitions; partition++) {
    const position = positions[partition] ?? 0;
    if (ends[partition]! < position) {
      throw new PositionsError(
        `partition ${partition} of the log ends at offset ${ends[partition]}, but the store has applied up to ` +
          `${position}: the log's tail is lost. Restore the log, or move the store away to build a new one from the log`,
      );
    }
    if (starts[partition]! > position && !rebuild) {
      throw new PositionsError(
        `partition ${partition} of the log begins at offset ${starts[partition]}, but the store has applied only up to ` +
          `${position}: the records between are gone. Restore the store, or say --rebuild-store to keep what the log has`,
      );
    }
  }
  if (rebuild && starts.some((start, partition) => start > (positions[partition] ?? 0)))
    await store.skipTo(starts);
}
