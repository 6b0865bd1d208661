/**
 * What brokers have acknowledged to this process, and where the log must be at least: a batch that is put before that
 * stands where others have been, and is not acknowledged.
 */
import { type ConfirmOptions, confirmMarks } from "./confirm.ts";
import { LogLostError } from "./loss.ts";
import type { Mark } from "./mark.ts";

export interface Acknowledged {
  /**
   * Makes sure that all of it is still there.
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

/** @param applied how far each partition is known to be applied, by whichever process */
export function createAcknowledged(
  options: ConfirmOptions,
  applied: () => readonly number[] = () => [],
): Acknowledged {
  const marks = new Map<number, Mark>();
  let confirmedAt = -1;

  return {
    async confirm(connects, signal) {
      if (connects === confirmedAt) return;
      await confirmMarks(options, marks, signal);
      confirmedAt = connects;
    },
    floors() {
      const known = applied();
      return Array.from({ length: options.partitions }, (_, partition) =>
        Math.max(known[partition] ?? 0, marks.get(partition)?.end ?? 0),
      );
    },
    add(partition, mark, floors) {
      const floor = floors[partition] ?? 0;
      if (mark.firstOffset < floor) {
        throw new LogLostError(
          `the tail of topic ${options.topic}, partition ${partition}, is lost: a record was put at offset ` +
            `${mark.firstOffset}, where records up to offset ${floor} were acknowledged or applied`,
        );
      }
      marks.set(partition, mark);
    },
  };
}
