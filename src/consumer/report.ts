/**
 * Tells others what this process has applied, where the store itself keeps the positions: first what was set aside up to
 * there, then how far it is. What was under way as something failed is told again.
 */
import { pause } from "../domain/pause.ts";

/** Of some partitions the offset of the next record to apply. */
export type Reached = ReadonlyMap<number, number>;

export interface ReportOptions {
  /** How far others have been told. */
  readonly told: Reached;
  /** Tells of all that was set aside from `from` on, before `to`. */
  readonly tellSetAside: (from: Reached, to: Reached) => Promise<void>;
  readonly commit: (partition: number, position: number) => Promise<void>;
  /** Told of a failure, which is tried again. */
  readonly onError: (error: unknown) => void;
  /** Wait after a failure, in milliseconds. Default 1,000. */
  readonly retryMs?: number;
}

export interface Report {
  /**
   * So far is the log applied now.
   *
   * @param reached of each partition that this process applies
   * @param setAside whether something was set aside meanwhile, or may have been
   */
  applied(reached: Reached, setAside: boolean): void;
  /** Tells what there is to tell, unless that fails. */
  close(): Promise<void>;
}

export function createReport(options: ReportOptions): Report {
  const { tellSetAside, commit, onError, retryMs = 1000 } = options;
  const closing = new AbortController();
  const told = new Map(options.told);
  /** Of each partition where what was set aside has been told. */
  const shown = new Map(options.told);
  let reached: Reached = new Map();
  // A crash may have come between the store's commit and the telling.
  let letters = true;
  let isNew = false;
  let telling: Promise<void> | undefined;

  async function tell(): Promise<void> {
    isNew = false;
    const to = reached;
    if (letters) {
      letters = false;
      await tellSetAside(
        new Map([...to.keys()].map((partition) => [partition, shown.get(partition) ?? 0])),
        to,
      );
    }
    for (const [partition, position] of to) shown.set(partition, position);
    const moved = [...to].filter(([partition, position]) => told.get(partition) !== position);
    await Promise.all(
      moved.map(async ([partition, position]) => {
        await commit(partition, position);
        told.set(partition, position);
      }),
    );
  }

  async function run(): Promise<void> {
    while (isNew) {
      try {
        await tell();
      } catch (error) {
        isNew = true;
        letters = true;
        onError(error);
        if (closing.signal.aborted) return;
        await pause(retryMs, closing.signal);
      }
    }
  }

  return {
    applied(now, setAside) {
      // Another may have told something else of one that was away.
      for (const partition of reached.keys()) if (!now.has(partition)) told.delete(partition);
      reached = now;
      letters ||= setAside;
      isNew = true;
      telling ??= run().finally(() => {
        telling = undefined;
      });
    },
    async close() {
      closing.abort();
      await telling;
    },
  };
}
