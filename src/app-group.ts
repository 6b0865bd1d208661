/** Part of the composition root: the group of a log on Kafka, by which its partitions are applied. */
import type { KafkaParts, StoreOptions } from "./app-parts.ts";
import { checkPositions } from "./consumer/start-check.ts";
import { type AssignmentMode, createMembership, type Membership } from "./log/kafka/membership.ts";
import { presentOffsets } from "./log/kafka/present-offsets.ts";
import type { EventStore } from "./store/store.ts";
import type { Logger } from "./telemetry/logger.ts";

/**
 * Joins the group, and makes sure that the store can go on from where it stands.
 *
 * @param store bound to the log
 * @param onRevoke as of MembershipOptions
 * @param joined told of the membership before the store is looked at
 * @throws PositionsError, LogStartError
 */
export async function joinGroup(
  { config, log, kafka, logger, start, stops }: StoreOptions & { readonly kafka: KafkaParts },
  store: EventStore,
  mode: AssignmentMode,
  onRevoke: (partitions: readonly number[]) => Promise<void>,
  joined: (membership: Membership) => void = () => {},
): Promise<Membership> {
  const { place, connection, topics, group } = kafka;
  const { partitions } = log.identity;
  const topic = topics.events;
  const tell = tellChanges(logger.child({ stage: "membership" }));
  const membership = await start.waitFor(coordinatorOf(kafka), (wait) =>
    createMembership({
      connection,
      topic,
      group,
      partitions,
      mode,
      markAt: kafka.markAt,
      sessionTimeoutMs: config.kafkaSessionTimeoutMs,
      onRevoke,
      onJoined: (given) =>
        tell(
          "info",
          given.length === 0
            ? `a spare of group ${group}: others apply every partition, and this process waits for its share`
            : `applies ${given.length} of ${partitions} partitions, as group ${group} has it: ${given.join(", ")}`,
        ),
      onTrouble: (why) => tell("warn", `no member of group ${group}: ${why}`),
      wait,
      givenUp: wait.signal,
    }),
  );
  stops.push(() => membership.close());
  joined(membership);
  const offsets = () => start.waitFor(place, (wait) => presentOffsets(connection, topic, partitions, wait));
  await checkPositions({ ...log.identity, offsets }, store, config.rebuildStore);
  return membership;
}

/** What is said again and again is told once, until something else is said. */
function tellChanges(logger: Logger): (level: "info" | "warn", message: string) => void {
  let last = "";
  return (level, message) => {
    if (message !== last) logger[level]({}, message);
    last = message;
  };
}

/** For people. */
export function coordinatorOf({ place, group }: Pick<KafkaParts, "place" | "group">): string {
  return `the coordinator of group ${group} on ${place}`;
}
