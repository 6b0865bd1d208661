/** Part of the composition root: ClickHouse, to which any number of processes apply a log on Kafka. */
import { checkGroup, type GroupWatch, refuseOtherGroup, watchGroup } from "./app-clickhouse-group.ts";
import { joinGroup } from "./app-group.ts";
import type { KafkaParts, StoreOptions, StoreParts } from "./app-parts.ts";
import { skippingOwn } from "./app-rebuild.ts";
import type { Consumer } from "./consumer/consumer.ts";
import { bindStore } from "./consumer/start-check.ts";
import { WeirError } from "./domain/errors.ts";
import { maskPassword } from "./domain/secrets.ts";
import type { Applied } from "./log/kafka/applied.ts";
import { openDeadLetterTopic } from "./log/kafka/dead-letter-topic.ts";
import type { Membership } from "./log/kafka/membership.ts";
import { presentOffsets } from "./log/kafka/present-offsets.ts";
import { type Changes, createChanges } from "./state/changes.ts";
import type { Arbiter } from "./store/clickhouse/arbiter.ts";
import type { ClickhouseStore } from "./store/clickhouse/options.ts";
import { createClickhouseStore } from "./store/clickhouse/store.ts";
import { createApplied } from "./visibility/applied.ts";

/**
 * Four times the consumer's default: of the granules of the id table a look-up reads nearly all, whether it is for some
 * thousand ids or for some ten thousand.
 */
const batchBytes = 16 * 1024 ** 2;

interface ClickhouseOptions extends StoreOptions {
  readonly url: string;
  readonly kafka: KafkaParts;
}

export async function openClickhouse(options: ClickhouseOptions): Promise<StoreParts> {
  return options.config.roles.includes("consumer") ? openApplying(options) : openAnswering(options);
}

/** A store that is asked, while others apply the log to it. */
async function openAnswering(options: ClickhouseOptions): Promise<StoreParts> {
  const { kafka, stops } = options;
  const followed = kafka.applied;
  const changes = openChanges(options);
  const store = await open(options, { arbiter: positionsOf(followed) });
  const watch = await watchGroup(groupOf(options, store));
  stops.push(() => watch.close());
  const applied = follow(store, followed, watch, stops);
  return {
    store,
    applied,
    refresh: followed.refresh,
    refreshVersion: versionRefresh(store, followed, changes),
    health: () => [store.health(), watch.health()],
  };
}

/** A store to which this process applies the partitions that the group gives it, while others may apply the rest. */
async function openApplying(options: ClickhouseOptions): Promise<StoreParts> {
  const { kafka, logger, start, stops } = options;
  const { connection, topics, applied: followed } = kafka;
  const changes = openChanges(options, () => opened.isSettled());
  const letters = openDeadLetterTopic({ connection, topic: topics.deadLetters, givenUp: start.signal });
  stops.push(() => letters.close());
  // It is a member only once the store is there: while it waits for ClickHouse, others have the partitions.
  let arbiter = positionsOf(followed);
  const opened: ClickhouseStore = await open(options, {
    arbiter: {
      committed: (partition) => arbiter.committed(partition),
      commit: (partition, committed) => arbiter.commit(partition, committed),
    },
    logStarts: () => logStarts(options),
    beforeCommit: letters.publish,
    changing: changes.run,
  });
  const grouped = groupOf(options, opened);
  await checkGroup(grouped);
  let consumer: Consumer | undefined;
  const revoke = async (revoked: readonly number[]) => {
    await consumer?.settled();
    await opened.release(revoked);
  };
  let joined: Membership | undefined;
  const rebuilding = skippingOwn(opened, () => joined!, options.start.signal);
  const member = await joinGroup(options, rebuilding, "spread", revoke, (membership) => {
    joined = membership;
    arbiter = membership;
  });
  refuseOtherGroup(await opened.ledger.bindGroup(kafka.group), kafka.group);
  const watch = await watchGroup(grouped);
  stops.push(() => watch.close());
  const applied = follow(opened, followed, watch, stops);
  // At once: what is held has a position that no other process moves, from which the consumer can read.
  const takeOver = () => {
    opened.takeOver(member.partitions()).catch((error: unknown) => {
      logger.debug({ err: error, stage: "store" }, "partitions are taken over as they are applied");
    });
  };
  const end = member.onChange(takeOver);
  stops.push(async () => end());
  takeOver();
  return {
    store: opened,
    applied,
    refresh: followed.refresh,
    refreshVersion: versionRefresh(opened, followed, changes),
    applying: {
      assignment: member,
      rebalances: () => Number(member.stats().rebalances),
      batchBytes,
      attach(own) {
        consumer = own;
        own.onApplied(applied.step);
      },
      forgetIds: opened.forgetIds,
      upkeep: {
        fences: async () => {
          await opened.closeFences();
          return 0;
        },
        positions: async () => {
          await opened.notePositions();
          return 0;
        },
      },
    },
    health: () => [opened.health(), member.health(), watch.health()],
  };
}

/** What others have committed, for a process that commits nothing. */
function positionsOf(followed: Applied): Arbiter {
  return {
    committed: async (partition) => ({ position: followed.positions()[partition] ?? 0, epoch: 0 }),
    commit: () => Promise.reject(new Error("this process applies nothing")),
  };
}

/** Opens the store and binds it to the log. */
async function open(
  { config, log, url, kafka, start, stops }: ClickhouseOptions,
  more: Pick<
    Parameters<typeof createClickhouseStore>[0],
    "arbiter" | "logStarts" | "beforeCommit" | "changing"
  >,
): Promise<ClickhouseStore> {
  const store = await start.waitFor(`ClickHouse at ${maskPassword(url)}`, (wait) =>
    createClickhouseStore({
      url,
      idSecret: kafka.idSecret,
      dedupWindowMs: config.dedupWindow,
      maxQueries: config.maxQueries,
      maxWaitingQueries: config.maxWaitingQueries,
      insertTimeoutMs: config.clickhouseInsertTimeoutMs,
      wait,
      givenUp: wait.signal,
      ...more,
    }),
  );
  stops.push(() => store.close());
  const advice =
    "name the database that was built from this log by --store (WEIR_STORE), or, to build one from the log anew, a new " +
    "database, and a new group by --kafka-group (WEIR_KAFKA_GROUP) where this one has applied the log before";
  await bindStore(log.identity, store, advice);
  return store;
}

/** What processes of one group change in the store besides what their commits tell. */
function openChanges({ log, kafka, stops }: ClickhouseOptions, isOver?: () => Promise<boolean>): Changes {
  const changes = createChanges(log.state, `rows/${kafka.group}`, isOver);
  stops.push(() => changes.close());
  return changes;
}

function versionRefresh(store: ClickhouseStore, followed: Applied, changes: Changes): () => Promise<void> {
  let known: string | undefined;
  return async () => {
    await followed.refresh();
    const seen = await changes.seen();
    if (seen === undefined) throw new Error("another process is changing what questions see");
    if (seen !== known) store.noteChanged();
    known = seen;
  };
}

/** Tells the store what others have applied; answers what of it the store has. */
function follow(
  store: ClickhouseStore,
  followed: Applied,
  watch: GroupWatch,
  stops: (() => Promise<void>)[],
) {
  const applied = createApplied(() =>
    store.positions().map((position, partition) => (watch.tells(partition) ? position : 0)),
  );
  const note = () => {
    store.noteApplied(followed.positions());
    applied.step();
  };
  const ends = [followed.onApplied(note), watch.onMore(applied.step)];
  stops.push(async () => {
    for (const end of ends) end();
  });
  note();
  return applied;
}

function groupOf(options: ClickhouseOptions, store: ClickhouseStore) {
  const { applied: followed, group } = options.kafka;
  return { store, followed, group, logStarts: () => logStarts(options) };
}

/** @throws WeirError UNAVAILABLE */
async function logStarts({ kafka, log, start }: ClickhouseOptions): Promise<readonly number[]> {
  const { connection, topics } = kafka;
  const wait = { signal: start.signal, failed: () => {} };
  try {
    return (await presentOffsets(connection, topics.events, log.identity.partitions, wait)).starts;
  } catch (cause) {
    const message = `where the log begins cannot be had: ${(cause as Error).message}`;
    throw new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", message, { retryDelayMs: 1000, cause });
  }
}
