/** What a group has committed, in the offsets that Kafka keeps for it, with who committed and what stood before in their metadata. */

import type { StartWait } from "../../../domain/start-wait.ts";
import { whenAborted } from "../../../domain/when-aborted.ts";
import { untilReached } from "../start.ts";
import { type CoordinatorOptions, createCoordinator } from "./coordinator.ts";
import { type CommitMetadata, decodeMetadata, encodeMetadata } from "./metadata.ts";
import type { MemberIdentity } from "./protocol.ts";

/** What the last commit of a partition says. */
export interface Commit extends CommitMetadata {
  /** Offset of the next record to apply. */
  readonly position: number;
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
          const position = Number(offset);
          commits.set(partition, { position, ...decodeMetadata(metadata ?? "", position) });
        }
        return commits;
      }),
    commit: ({ memberId, generation: groupGenerationId }, commits) =>
      coordinator.using(async (broker) => {
        const partitions = [...commits].map(([partition, commit]) => ({
          partition,
          offset: String(commit.position),
          metadata: encodeMetadata(commit),
        }));
        await broker.offsetCommit({ groupId, groupGenerationId, memberId, topics: [{ topic, partitions }] });
      }),
    close: coordinator.close,
  };
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
    const unsubscribe = whenAborted(signal, end);
    try {
      return await offsets.fetch(partitions);
    } finally {
      unsubscribe();
      await offsets.close();
    }
  };
  return untilReached(options.connection, timeoutMs, reach, wait);
}
