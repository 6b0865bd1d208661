/** What a group has committed, as any process sees it, also one that is no member of it. */
import type { Stage } from "../../domain/health.ts";
import { pause } from "../../domain/pause.ts";
import type { StartWait } from "../../domain/start-wait.ts";
import { whenAborted } from "../../domain/when-aborted.ts";
import type { KafkaConnection } from "./client.ts";
import { type Commit, createGroupOffsets, reachOffsets } from "./membership/offsets.ts";

export interface FollowAppliedOptions {
  readonly connection: KafkaConnection;
  /** Topic of the records. */
  readonly topic: string;
  readonly group: string;
  /** How many the topic has. */
  readonly partitions: number;
  /** Time between two looks, in milliseconds. Default 100. */
  readonly pollMs?: number;
  /** How long to wait for the cluster at the start, in milliseconds. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** Told while it waits for it. Default: nobody. */
  readonly wait?: StartWait;
  /** Not having been able to look for longer makes it unhealthy, in milliseconds. Default 5,000. */
  readonly stalledAfterMs?: number;
  /** Aborted where nobody waits any more for a look: the one under way then fails, as all that come. Default: never. */
  readonly givenUp?: AbortSignal;
}

export interface Applied extends Stage {
  /**
   * For each partition the offset up to which it is applied, as of the last look; 0 where nothing is committed. One goes
   * back only where the group's offset does: an operator has reset it, or it was removed. Records behind it are then
   * applied anew, so whoever waits for them must wait again.
   */
  positions(): readonly number[];
  /** Partitions of which nothing was committed, as of the last look. */
  missing(): readonly number[];
  /** What was committed, as of the last look. */
  commits(): ReadonlyMap<number, Commit>;
  /** Calls `listener` after each change, until the returned function is called. */
  onApplied(listener: () => void): () => void;
  /** Looks now: resolves once positions() is no older than the call. @throws where the look fails */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** Longest pause after failures, in milliseconds. */
const mostPauseMs = 1000;

/** @throws LogStartError where the group's coordinator cannot be reached in time, or refuses */
export async function followApplied(options: FollowAppliedOptions): Promise<Applied> {
  const { partitions: count, group, pollMs = 100, startTimeoutMs = 30_000, stalledAfterMs = 5000 } = options;
  const partitions = Array.from({ length: count }, (_, partition) => partition);
  const first = await reachOffsets(options, partitions, startTimeoutMs, options.wait);
  const offsets = createGroupOffsets(options);
  const unsubscribe = whenAborted(options.givenUp, () => void offsets.close());
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  let commits = first;
  let positions: readonly number[] = partitions.map((partition) => first.get(partition)?.position ?? 0);
  let trouble = "";
  let lastLook = performance.now();
  let looks = 0;
  /** The last look that was begun, or waits for the one before it: an older answer never comes after a newer one. */
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  async function look(): Promise<void> {
    next = undefined;
    try {
      commits = await offsets.fetch(partitions);
      trouble = "";
      lastLook = performance.now();
      looks++;
      const seen = partitions.map((partition) => commits.get(partition)?.position ?? 0);
      if (seen.every((position, partition) => position === positions[partition])) return;
      positions = seen;
      for (const listener of listeners) listener();
    } catch (error) {
      trouble = (error as Error).message;
      throw error;
    }
  }

  function refresh(): Promise<void> {
    if (next === undefined) {
      next = last.then(look, look);
      last = next;
    }
    return next;
  }

  async function run(): Promise<void> {
    let wait = pollMs;
    while (!closing.signal.aborted) {
      await pause(wait, closing.signal);
      if (closing.signal.aborted) return;
      try {
        await refresh();
        wait = pollMs;
      } catch {
        wait = Math.max(pollMs, Math.min(mostPauseMs, 2 * wait));
      }
    }
  }

  const running = run();
  return {
    commits: () => commits,
    positions: () => positions,
    missing: () => partitions.filter((partition) => !commits.has(partition)),
    onApplied(listener) {
      const own = () => listener();
      listeners.add(own);
      return () => listeners.delete(own);
    },
    refresh,
    health() {
      const ms = performance.now() - lastLook;
      if (ms < stalledAfterMs + pollMs) return { name: "applied", status: "healthy", message: "" };
      const message = `the offsets of group ${group} could not be read for ${Math.round(ms / 1000)} s: ${trouble || "no answer"}`;
      return { name: "applied", status: "unhealthy", message };
    },
    stats: () => ({ group, positions, looks }),
    async close() {
      unsubscribe();
      closing.abort();
      await offsets.close();
      await Promise.allSettled([running, last]);
    },
  };
}
