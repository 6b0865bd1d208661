/**
 * This process as a member of a Kafka consumer group: which partitions it applies, and what the group has committed. The
 * group is used for that alone; records are read by LogReader, without a group.
 *
 * Only who holds a partition can commit it: a commit goes under the member id and generation under which the partition was
 * given, and the coordinator refuses those of every other generation, whatever a former owner believes of itself. A new
 * owner sees every commit of those before it, since its group's assignment is written behind them to the same log and
 * answered once it is replicated.
 */
import type { Stage, StageHealth } from "../../domain/health.ts";
import type { StartWait } from "../../domain/start-wait.ts";
import { whenAborted } from "../../domain/when-aborted.ts";
import type { Assignment } from "../assignment.ts";
import type { KafkaConnection } from "./client.ts";
import type { Mark } from "./mark.ts";
import { createCommits } from "./membership/commits.ts";
import { startMember } from "./membership/member.ts";
import { type Commit, createGroupOffsets, reachOffsets } from "./membership/offsets.ts";
import type { AssignmentMode } from "./membership/strategy.ts";

export { NotAssignedError } from "./membership/commits.ts";
export type { Commit } from "./membership/offsets.ts";
export type { AssignmentMode } from "./membership/strategy.ts";

export interface MembershipOptions {
  readonly connection: KafkaConnection;
  readonly group: string;
  /** Topic of the records. */
  readonly topic: string;
  /** How many the topic has. */
  readonly partitions: number;
  /**
   * How they are shared among the members: `spread` evenly, each keeping what it has as far as that goes; `single`, all to
   * one, while the others wait for its end. Members of the other mode are refused by the group.
   */
  readonly mode: AssignmentMode;
  /**
   * Ends what is done with partitions that are taken away, which `partitions()` names no more: they are given to others
   * once it resolves. Commits of them are still taken until then, unless they were lost. Default: nothing is to be done.
   */
  readonly onRevoke?: (partitions: readonly number[]) => Promise<void>;
  /** Told each time that it has joined, and what it was given, which may be nothing. Default: nobody is. */
  readonly onJoined?: (partitions: readonly number[]) => void;
  /** Told each time that it could not join, and why. Default: nobody is. */
  readonly onTrouble?: (why: string) => void;
  /** By which batch a position of a partition is known again, where that is known. It is kept with the commit. */
  readonly markAt?: ((partition: number, position: number) => Mark | undefined) | undefined;
  /** How long the group keeps a member that it does not hear of, in milliseconds. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** How long the group waits for onRevoke before it goes on without it, in milliseconds. Default 30,000. */
  readonly rebalanceTimeoutMs?: number;
  /** How long a commit or a look at one is tried, in milliseconds. Default 10,000. */
  readonly commitTimeoutMs?: number;
  /** How long close() waits for onRevoke, in milliseconds. Default 10,000. */
  readonly closeTimeoutMs?: number;
  /** Aborted where what is under way is given up, as a crash would. Default: never. */
  readonly givenUp?: AbortSignal;
  /** How long to wait for the cluster at the start, in milliseconds. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** Told while it waits for it. Default: nobody. */
  readonly wait?: StartWait;
  /** Being no member for longer is told by health(), in milliseconds. Default 5,000. */
  readonly outsideAfterMs?: number;
}

export interface Membership extends Assignment, Stage {
  /**
   * What the group has committed of a partition, whoever holds it; undefined where there is nothing, or it has expired.
   *
   * @throws WeirError UNAVAILABLE/LOG_UNAVAILABLE where it cannot be had in time
   */
  committed(partition: number): Promise<Commit | undefined>;
  /**
   * Commits a partition that this process holds. Those of one tick go together.
   *
   * @throws NotAssignedError where it does not hold it, or an owner of a greater epoch has committed it (nothing is
   *   committed then); WeirError UNAVAILABLE/LOG_UNAVAILABLE where there is no answer in time (outcome unknown: then
   *   everything held is given up, and comes back in a new generation, in which the broker no longer does that commit)
   */
  commit(partition: number, commit: Commit): Promise<void>;
  /** Whether the group gave it nothing when it last gave, or has given nothing yet: all may be with others. */
  readonly isSpare: boolean;
  /** Hands over what it holds, leaves the group, closes. */
  close(): Promise<void>;
}

/**
 * Resolves once the group's coordinator was reached; partitions come when the group gives them. From then on it is a
 * member again by itself after whatever happens.
 *
 * @throws LogStartError where the coordinator cannot be reached in time, or refuses
 */
export async function createMembership(options: MembershipOptions): Promise<Membership> {
  const { group, mode, markAt, onRevoke = async () => {}, sessionTimeoutMs = 10_000 } = options;
  const { rebalanceTimeoutMs = 30_000, commitTimeoutMs = 10_000, closeTimeoutMs = 10_000 } = options;
  const { outsideAfterMs = 5000, startTimeoutMs = 30_000 } = options;
  await reachOffsets(options, [0], startTimeoutMs, options.wait);
  const member = startMember({ ...options, sessionTimeoutMs, rebalanceTimeoutMs, onRevoke });
  const offsets = createGroupOffsets(options);
  const commits = createCommits({
    offsets,
    tenure: () => member.tenure,
    onDoubt: member.renounce,
    timeoutMs: commitTimeoutMs,
  });
  const unsubscribe = whenAborted(options.givenUp, () => void commits.close());
  /** As last committed of each partition, by whomever: a new owner begins by committing the same position again. */
  const known = new Map<number, Mark>();
  let closed: Promise<void> | undefined;

  function marked(partition: number, commit: Commit): Commit {
    const { position, mark = markAt?.(partition, position) ?? known.get(partition) } = commit;
    return mark?.end === position ? { ...commit, mark } : commit;
  }

  async function end(): Promise<void> {
    await member.close(closeTimeoutMs);
    unsubscribe();
    await commits.close();
  }

  function health(): StageHealth {
    const { outsideMs, tenure, trouble } = member;
    const degraded = { name: "membership", status: "degraded" } as const;
    if (outsideMs >= outsideAfterMs) {
      const seconds = Math.round(outsideMs / 1000);
      const why = trouble || "the group is being rebalanced";
      return { ...degraded, message: `no member of group ${group} for ${seconds} s: ${why}` };
    }
    if (mode === "spread" || tenure === undefined || tenure.partitions.length > 0)
      return { name: "membership", status: "healthy", message: "" };
    const message = `a spare: another member of group ${group} applies every partition, and this one waits for its end`;
    return { ...degraded, standby: true, message };
  }

  return {
    partitions: () => member.partitions,
    get isSpare() {
      return member.given.length === 0;
    },
    onChange: member.onChange,
    async committed(partition) {
      const commit = await commits.committed(partition);
      if (commit?.mark !== undefined) known.set(partition, commit.mark);
      return commit;
    },
    commit: (partition, commit) => commits.commit(partition, marked(partition, commit)),
    health,
    stats: () => ({
      group,
      mode,
      generation: member.tenure?.generation ?? null,
      // Only the leader knows.
      members: member.tenure?.members ?? null,
      partitions: member.partitions,
      rebalances: member.rebalances,
    }),
    close() {
      closed ??= end();
      return closed;
    },
  };
}
