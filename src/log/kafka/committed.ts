import type { StartWait } from "../../domain/start-wait.ts";
import { LogStartError } from "../log.ts";
import { type ConfirmOptions, confirmMarks, endsBefore } from "./confirm.ts";
import { currentOffsets } from "./fetcher.ts";
import { lossAdvice, RecordsMissingError } from "./loss.ts";
import type { Mark } from "./mark.ts";
import type { Commit } from "./membership/offsets.ts";
import { untilReached } from "./start.ts";

/** How long the cluster is waited for, in milliseconds, and how long a log that it does not have whole yet. */
const waits = { cluster: 30_000, records: 5000 };

/**
 * Makes sure that a log still has what a group has applied of it: else new records would take the offsets of those that
 * are gone, and never be applied.
 *
 * @throws LogStartError where it has not; as untilReached
 */
export async function checkCommitted(
  options: ConfirmOptions,
  commits: ReadonlyMap<number, Commit>,
  wait?: StartWait,
): Promise<void> {
  const { connection, topic, partitions } = options;
  const marks = new Map<number, Mark>();
  for (const [partition, { mark }] of commits) if (mark !== undefined) marks.set(partition, mark);
  let missingSince: number | undefined;

  async function look(signal: AbortSignal): Promise<void> {
    const { ends } = await currentOffsets(connection, topic, partitions, signal);
    for (const [partition, { position }] of commits) {
      const end = ends[partition];
      if (end !== undefined && end < position) {
        throw new RecordsMissingError(endsBefore(topic, partition, end, position));
      }
    }
    await confirmMarks(options, marks, signal);
  }

  await untilReached(
    connection,
    waits.cluster,
    async (signal) => {
      try {
        await look(signal);
      } catch (error) {
        if (!(error instanceof RecordsMissingError)) throw error;
        missingSince ??= performance.now();
        if (performance.now() - missingSince < waits.records) throw error;
        throw new LogStartError(`${error.message}. ${lossAdvice}`, error);
      }
    },
    wait,
  );
}
