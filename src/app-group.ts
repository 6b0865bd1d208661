/** Part of the composition root: the group of a log on Kafka, by which its partitions are applied. */
import type { KafkaParts, StoreOptions } from "./app-parts.ts";
import { checkPositions } from "./consumer/start-check.ts";
import { type AssignmentMode, createMembership, type Membership } from "./log/kafka/membership.ts";
import { presentOffsets } from "./log/kafka/present-offsets.ts";
import type { EventStore } from "./store/store.ts";

/**
 * Joins the group, and makes sure that the store can go on from where it stands.
 *
 * @param store bound to the log
 * @param onRevoke as of MembershipOptions
 * @param joined told of the membership before the store is looked at
 * @throws PositionsError, LogStartError
 */
export async function joinGroup(
  { config, log, kafka, stops }: StoreOptions & { readonly kafka: KafkaParts },
  store: EventStore,
  mode: AssignmentMode,
  onRevoke: (partitions: readonly number[]) => Promise<void>,
  joined: (membership: Membership) => void = () => {},
): Promise<Membership> {
  const { connection, topics, group } = kafka;
  const { partitions } = log.identity;
  const topic = topics.events;
  const membership = await createMembership({
    connection,
    topic,
    group,
    partitions,
    mode,
    sessionTimeoutMs: config.kafkaSessionTimeoutMs,
    onRevoke,
  });
  stops.push(() => membership.close());
  joined(membership);
  const offsets = () => presentOffsets(connection, topic, partitions);
  await checkPositions({ ...log.identity, offsets }, store, config.rebuildStore);
  return membership;
}
