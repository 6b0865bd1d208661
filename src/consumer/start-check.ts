import type { LogReader } from "../log/log.ts";
import type { EventStore } from "../store/store.ts";

/** Log and store do not fit each other; the message says what is missing and what can be done. */
export class PositionsError extends Error {
  override readonly name = "PositionsError";
}

type Bound = Pick<LogReader, "logId" | "partitions">;

/**
 * Binds a new store to the log.
 *
 * @param advice what to do about a store that belongs to another log, which depends on its kind
 * @throws PositionsError where it belongs to another
 */
export async function bindStore(
  { logId, partitions }: Bound,
  store: EventStore,
  advice: string,
): Promise<void> {
  if (store.logId === undefined) return store.bind(logId, partitions);
  if (store.logId === logId) return;
  throw new PositionsError(`the store belongs to log ${store.logId}, but this is log ${logId}: ${advice}`);
}

export interface CheckedLog extends Bound {
  /** As of now: where others apply the log too, no older than the store's positions. */
  offsets(): Promise<Record<"starts" | "ends", readonly number[]>>;
}

/**
 * Makes sure that a store bound to the log can go on from where it stands: otherwise events would be missing or doubled
 * without a word.
 *
 * @param rebuild whether to go on although the log no longer has what the store lacks
 * @throws PositionsError
 */
export async function checkPositions(log: CheckedLog, store: EventStore, rebuild: boolean): Promise<void> {
  const positions = store.positions();
  const { starts, ends } = await log.offsets();
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
