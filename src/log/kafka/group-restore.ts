/** A group's offsets set by an operator, while nobody is a member of it. */
import { LogStartError } from "../log.ts";
import { withAdmin } from "./admin.ts";
import type { CoordinatorOptions } from "./membership/coordinator.ts";
import { isMemberRefusal } from "./membership/coordinator.ts";
import { type Commit, createGroupOffsets } from "./membership/offsets.ts";

/** Of nobody: a coordinator takes commits under it where the group has no members, and refuses them where it has. */
const nobody = { memberId: "", generation: -1 };

/** @throws LogStartError where the group has members; what kafkajs throws where it cannot be reached */
export async function setGroupOffsets(
  options: CoordinatorOptions,
  commits: ReadonlyMap<number, Commit>,
): Promise<void> {
  const offsets = createGroupOffsets(options);
  try {
    await offsets.commit(nobody, commits);
  } catch (error) {
    if (!isMemberRefusal(error)) throw error;
    throw membersError(options.group, error);
  } finally {
    await offsets.close();
  }
}

export function membersError(group: string, cause?: unknown): LogStartError {
  return new LogStartError(`group ${group} has members: stop every process of role consumer first`, cause);
}

/** How many members the group has. */
export function countMembers({ connection, group }: CoordinatorOptions): Promise<number> {
  return withAdmin(connection, async (admin) => {
    const { groups } = await admin.describeGroups([group]);
    return groups.find(({ groupId }) => groupId === group)?.members.length ?? 0;
  });
}
