/**
 * What brokers have acknowledged to this process, and where the log must be at least: a batch that is put before that
 * stands where others have been, and is not acknowledged.
 */
import type { Applied } from "./applied.ts";
import { type ConfirmOptions, confirmMarks } from "./confirm.ts";
import { LogLostError } from "./loss.ts";
import type { Mark } from "./mark.ts";
import type { Commit } from "./membership/offsets.ts";

export interface Acknowledged {
  /**
   * Makes sure that all of it, and what is known to be applied, is still there.
   *
   * @param connects how many connections were begun before; what was seen since as many is not looked for again
   * @throws as confirmMarks
   */
  confirm(connects: number, signal: AbortSignal): Promise<void>;
  /** What the next batch to each partition cannot lie before; to be asked before it is sent the first time. */
  floors(): readonly number[];
  /** @throws LogLostError where the batch before the mark lies before the floor; it is then not acknowledged */
  add(partition: number, mark: Mark, floors: readonly number[]): void;
}

/** @param applied what is committed of each partition, by whichever process. Default: it is not known. */
export function createAcknowledged(
  options: ConfirmOptions,
  applied?: Pick<Applied, "commits" | "onApplied">,
): Acknowledged {
  const { topic, partitions } = options;
  /** Of what was acknowledged here, or applied, whichever is further. */
  const marks = new Map<number, Mark>();
  const reached = new Array<number>(partitions).fill(0);
  let confirmedAt = -1;

  function reach(partition: number, position: number, mark: Mark | undefined): void {
    if (position < reached[partition]!) return;
    reached[partition] = position;
    if (mark !== undefined) marks.set(partition, mark);
  }

  function note(commits: ReadonlyMap<number, Commit>): void {
    for (const [partition, { position, mark }] of commits) reach(partition, position, mark);
  }

  if (applied !== undefined) {
    note(applied.commits());
    applied.onApplied(() => note(applied.commits()));
  }

  return {
    async confirm(connects, signal) {
      if (connects === confirmedAt) return;
      await confirmMarks(options, marks, signal);
      confirmedAt = connects;
    },
    floors: () => reached.slice(),
    add(partition, mark, floors) {
      const floor = floors[partition]!;
      if (mark.firstOffset < floor) {
        throw new LogLostError(
          `the tail of topic ${topic}, partition ${partition}, is lost: a record was put at offset ` +
            `${mark.firstOffset}, where records up to offset ${floor} were acknowledged or applied`,
        );
      }
      reach(partition, mark.end, mark);
    },
  };
}
