/** Commits of what a member holds, under the generation in which it was given it; and what is committed. */
import { WeirError } from "../../../domain/errors.ts";
import { pause } from "../../../domain/pause.ts";
import { createBatcher } from "./batcher.ts";
import { isMemberRefusal } from "./coordinator.ts";
import type { Tenure } from "./member.ts";
import type { Commit, GroupOffsets } from "./offsets.ts";

/** The partition is not this process's: nothing was committed. */
export class NotAssignedError extends Error {
  override readonly name = "NotAssignedError";
}

export interface Commits {
  /** @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE where it cannot be had in time */
  committed(partition: number): Promise<Commit | undefined>;
  /**
   * @throws NotAssignedError where the partition is not held, or another owner has committed under a greater epoch;
   *   WeirError UNAVAILABLE/LOG_UNAVAILABLE where there is no answer in time (outcome unknown)
   */
  commit(partition: number, commit: Commit): Promise<void>;
  /** Ends the waiting; what is under way rejects. */
  close(): Promise<void>;
}

export interface CommitsOptions {
  readonly offsets: GroupOffsets;
  /** What is held now. */
  readonly tenure: () => Tenure | undefined;
  /**
   * Told when it will never be known whether a commit was done. A broker that comes back may still do it, after later ones;
   * so there must be none under this generation any more.
   */
  readonly onDoubt: (tenure: Tenure, cause: unknown) => void;
  /** How long a call is tried, in milliseconds. */
  readonly timeoutMs: number;
}

interface HeldCommit {
  readonly tenure: Tenure;
  readonly partition: number;
  readonly commit: Commit;
}

const retryPauseMs = 100;
const maxWaiting = 10_000;

export function createCommits(options: CommitsOptions): Commits {
  const { offsets, tenure: tenureNow, onDoubt, timeoutMs } = options;
  const closing = new AbortController();

  /** Until there is an answer: while the group has no coordinator, or it moves to another broker. */
  async function untilAnswered<T>(request: () => Promise<T>): Promise<T> {
    for (const deadline = performance.now() + timeoutMs; ; ) {
      try {
        return await request();
      } catch (error) {
        if (error instanceof NotAssignedError) throw error;
        if (performance.now() >= deadline || closing.signal.aborted) throw unavailable(error);
        await pause(retryPauseMs, closing.signal);
      }
    }
  }

  const fetch = createBatcher(
    (partitions: readonly number[]) => untilAnswered(() => offsets.fetch([...new Set(partitions)])),
    maxWaiting,
  );

  /** Sends the commits of one tick; of two of a partition the later one. Answers those that were sent. */
  const send = createBatcher(async (all: readonly HeldCommit[]): Promise<ReadonlySet<HeldCommit>> => {
    // Only one tenure is not over, so they are all of one.
    const sent = all.filter(({ tenure }) => !tenure.isOver);
    const [first] = sent;
    if (first === undefined) return new Set();
    const { tenure } = first;
    const commits = new Map(sent.map(({ partition, commit }) => [partition, commit]));
    let doubt: unknown;
    try {
      await untilAnswered(async () => {
        if (tenure.isOver) throw new NotAssignedError("the partitions were handed over meanwhile");
        try {
          await offsets.commit(tenure, commits);
        } catch (error) {
          if (isMemberRefusal(error)) throw refused(error);
          doubt = error;
          throw error;
        }
      });
    } catch (error) {
      if (doubt === undefined) throw error;
      onDoubt(tenure, doubt);
      throw unavailable(doubt);
    }
    return new Set(sent);
  }, maxWaiting);

  function held(partition: number): Tenure {
    const tenure = tenureNow();
    if (tenure !== undefined && !tenure.isOver && tenure.partitions.includes(partition)) return tenure;
    throw new NotAssignedError(`partition ${partition} is not assigned to this process`);
  }

  async function committed(partition: number): Promise<Commit | undefined> {
    const tenure = tenureNow();
    const commit = (await fetch(partition)).get(partition);
    if (tenure !== undefined) learn(tenure, partition, commit?.epoch ?? 0);
    return commit;
  }

  return {
    committed,
    async commit(partition, commit) {
      const tenure = held(partition);
      // What was begun in an earlier tenure may only end now, when another owner has been there in between.
      if (!tenure.epochs.has(partition)) await committed(partition);
      const known = tenure.epochs.get(partition) ?? 0;
      if (commit.epoch !== 0 && commit.epoch < known) {
        throw new NotAssignedError(
          `partition ${partition} has an owner of epoch ${known}, not ${commit.epoch}`,
        );
      }
      learn(tenure, partition, commit.epoch);
      const own = { tenure, partition, commit };
      if (!(await send(own)).has(own)) {
        throw new NotAssignedError(`partition ${partition} was handed over before its commit was sent`);
      }
    },
    async close() {
      closing.abort();
      await offsets.close();
    },
  };
}

function learn(tenure: Tenure, partition: number, epoch: number): void {
  tenure.epochs.set(partition, Math.max(epoch, tenure.epochs.get(partition) ?? 0));
}

function refused(cause: unknown): NotAssignedError {
  return new NotAssignedError(`the group has changed: ${(cause as Error).message}`, { cause });
}

function unavailable(cause: unknown): WeirError {
  const message = `the group's offsets cannot be reached: ${(cause as Error).message}`;
  return new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", message, { retryDelayMs: 1000, cause });
}
