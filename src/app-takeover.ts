/** Part of the composition root: whether a process on Kafka with DuckDB may tell what its own store holds. */
import type { KafkaParts, StoreOptions } from "./app-parts.ts";
import { createCatchUp } from "./consumer/catch-up.ts";
import { WeirError } from "./domain/errors.ts";
import type { StageHealth } from "./domain/health.ts";
import { whenAborted } from "./domain/when-aborted.ts";
import type { Membership } from "./log/kafka/membership.ts";
import { presentOffsets } from "./log/kafka/present-offsets.ts";

export interface Takeover {
  /** @throws WeirError UNAVAILABLE/STORE_UNAVAILABLE where the store may be behind */
  refuse(): void;
  health(): StageHealth;
  /** Leaves the group to those who can apply something, since this process cannot any more. */
  leave(why: string): void;
}

/** @param positions the store's */
export function watchTakeover(
  { log, logger, kafka, stops }: StoreOptions & { readonly kafka: KafkaParts },
  membership: Membership,
  positions: () => readonly number[],
): Takeover {
  const { connection, topics } = kafka;
  const failed = (why: string) => logger.warn({}, `where the log ends is asked again: ${why}`);
  const catchUp = createCatchUp({
    ends: async (signal) =>
      (await presentOffsets(connection, topics.events, log.identity.partitions, { signal, failed })).ends,
    positions,
    onError: (error) => failed((error as Error).message),
  });
  /** In which it was given the log last. */
  let generation: number | undefined;
  const onGiven = () => {
    if (membership.partitions().length === 0) return;
    const { generation: present } = membership.stats() as { generation: number };
    // Others may have applied the log in one that passed without this process; it goes on from the one before.
    if (generation === undefined || present !== generation + 1) catchUp.begin();
    generation = present;
  };
  /** Why it has left; empty where it has not. */
  let left = "";
  function leave(why: string): void {
    if (left !== "") return;
    left = `it can apply nothing any more, and has left its group: ${why}`;
    logger.error({ stage: "membership" }, left);
    membership.close().catch((error: unknown) => logger.warn({ err: error }, "the group was not told of it"));
  }

  const unsubscribe = membership.onChange(onGiven);
  const unwatch = whenAborted(kafka.lost, () => leave((kafka.lost.reason as Error).message));
  stops.push(async () => {
    unsubscribe();
    unwatch();
    await catchUp.close();
  });
  onGiven();

  function why(): string {
    if (left !== "") return `this process does not follow the log: ${left}`;
    if (membership.isSpare)
      return "this process is a spare, or joins its group still: its store may be behind";
    const behind = catchUp.behind();
    return behind && `the store of this process is behind: ${behind}`;
  }

  return {
    leave,
    refuse() {
      const reason = why();
      if (reason === "") return;
      const message = `${reason}. Ask the one that applies the log, or again once this one has all of it`;
      throw new WeirError("UNAVAILABLE", "STORE_UNAVAILABLE", message, { retryDelayMs: 1000 });
    },
    health() {
      const health = membership.health();
      if (left !== "") return { ...health, status: "unhealthy", message: left };
      if (health.standby) return health;
      if (health.status !== "healthy") return { ...health, status: "unhealthy" };
      const message = why();
      return message === "" ? health : { ...health, status: "unhealthy", message };
    },
  };
}
