/** What a group has committed, in the offsets that Kafka keeps for it, with the epoch of who committed in their metadata. */

import type { StartWait } from "../../../domain/start-wait.ts";
import { LogStartError } from "../../log.ts";
import { untilReached } from "../start.ts";
import { type CoordinatorOptions, createCoordinator } from "./coordinator.ts";
import type { MemberIdentity } from "./protocol.ts";

/** What the last commit of a partition says. */
export interface Commit {
  /** Offset of the next record to apply. */
  readonly position: number;
  /** Of the owner that committed; 0 where the commit says none, such as one by an operator's tool. */
  readonly epoch: number;
}

export interface GroupOffsets {
  /** Of these partitions, those that have a commit. */
  fetch(partitions: readonly number[]): Promise<ReadonlyMap<number, Commit>>;
  /** Commits as a member. @throws where the coordinator refuses the member, and then nothing is committed */
  commit(member: MemberIdentity, commits: ReadonlyMap<number, Commit>): Promise<void>;
  /** Ends what is under way, which then rejects, and all that comes. */
  close(): Promise<void>;
}

export function createGroupOffsets(options: CoordinatorOptions): GroupOffsets {
  const { group: groupId, topic } = options;
  const coordinator = createCoordinator(options);
  return {
    fetch: (partitions) =>
      coordinator.using(async (broker) => {
        const asked = partitions.map((partition) => ({ partition }));
        const { responses } = await broker.offsetFetch({ groupId, topics: [{ topic, partitions: asked }] });
        const commits = new Map<number, Commit>();
        for (const { partition, offset, metadata } of responses.flatMap((answer) => answer.partitions)) {
          if (Number(offset) < 0) continue;
          commits.set(partition, { position: Number(offset), epoch: decodeEpoch(metadata ?? "") });
        }
        return commits;
      }),
    commit: ({ memberId, generation: groupGenerationId }, commits) =>
      coordinator.using(async (broker) => {
        const partitions = [...commits].map(([partition, { position, epoch }]) => ({
          partition,
          offset: String(position),
          metadata: encodeEpoch(epoch),
        }));
        await broker.offsetCommit({ groupId, groupGenerationId, memberId, topics: [{ topic, partitions }] });
      }),
    close: coordinator.close,
  };
}

/** With the number of its form, should there ever be another. */
const form = "weir/1";

export function encodeEpoch(epoch: number): string {
  return `${form} epoch=${epoch}`;
}

/** @throws LogStartError where it is of a later form of ours; what is none of ours says no epoch */
export function decodeEpoch(metadata: string): number {
  const [, epoch] = /^weir\/1 epoch=(\d{1,16})$/.exec(metadata) ?? [];
  if (epoch !== undefined) return Number(epoch);
  if (!metadata.startsWith("weir/")) return 0;
  const what = `the group's offsets have the form ${JSON.stringify(metadata.slice(0, 100))}`;
  throw new LogStartError(`${what}, this program reads ${form}: run the newer version that wrote them`);
}

/**
 * What is committed of these partitions, by a connection of its own, as soon as the coordinator can be reached.
 *
 * @throws LogStartError where it cannot in time, or refuses
 */
export function reachOffsets(
  options: CoordinatorOptions,
  partitions: readonly number[],
  timeoutMs: number,
  wait?: StartWait,
): Promise<ReadonlyMap<number, Commit>> {
  const reach = async (signal: AbortSignal) => {
    const offsets = createGroupOffsets(options);
    const end = () => void offsets.close();
    signal.addEventListener("abort", end);
    try {
      return await offsets.fetch(partitions);
    } finally {
      signal.removeEventListener("abort", end);
      await offsets.close();
    }
  };
  return untilReached(options.connection, timeoutMs, reach, wait);
}
