/** Part of the composition root: DuckDB, on the embedded log or as the one node that applies a log on Kafka. */
import { coordinatorOf, joinGroup } from "./app-group.ts";
import type { KafkaParts, StoreOptions, StoreParts } from "./app-parts.ts";
import { watchTakeover } from "./app-takeover.ts";
import { makeStorePlaces } from "./config/places.ts";
import type { Consumer } from "./consumer/consumer.ts";
import { createReport } from "./consumer/report.ts";
import { bindStore, checkPositions } from "./consumer/start-check.ts";
import { everyPartition } from "./log/assignment.ts";
import { openDeadLetterTopic } from "./log/kafka/dead-letter-topic.ts";
import { createDuckdbStore } from "./store/duckdb/store.ts";
import { createApplied } from "./visibility/applied.ts";

/** How long dead letters may take to be read and copied; then it is begun anew. */
const tellTimeoutMs = 60_000;

/** On the embedded log, which drops copies itself. */
export async function openEmbedded(options: StoreOptions): Promise<StoreParts> {
  const { config, log } = options;
  const store = await open(options);
  const { reader } = log;
  const offsets = async () => ({ starts: reader.starts(), ends: reader.ends() });
  await checkPositions({ ...log.identity, offsets }, store, config.rebuildStore);
  const applied = createApplied(() => store.positions());
  return {
    store,
    applied,
    applying: {
      assignment: everyPartition(log.identity.partitions),
      attach: (consumer) => consumer.onApplied(applied.step),
    },
    health: () => [store.health()],
  };
}

/**
 * On Kafka, as the one process that applies the log to this store. Positions are the store's own; the group's commits tell
 * them to others.
 */
export async function openOnKafka(
  options: StoreOptions & { readonly kafka: KafkaParts },
): Promise<StoreParts> {
  const { log, logger, kafka, start, stops } = options;
  const { connection, topics } = kafka;
  const { partitions } = log.identity;
  const letters = openDeadLetterTopic({ connection, topic: topics.deadLetters, givenUp: start.signal });
  stops.push(() => letters.close());
  // Before it is a member: what keeps it from starting keeps nobody from the partitions.
  const store = await open(options, kafka);
  let consumer: Consumer | undefined;
  const membership = await joinGroup(options, store, "single", async () => consumer?.settled());
  const takeover = watchTakeover(options, membership, store.positions);
  const every = everyPartition(partitions).partitions();
  const commits = await start.waitFor(coordinatorOf(kafka), () =>
    Promise.all(every.map(membership.committed)),
  );
  const report = createReport({
    told: new Map(every.map((partition) => [partition, commits[partition]?.position ?? 0])),
    async tellSetAside(from, to) {
      const starts = every.map((partition) => from.get(partition) ?? Number.MAX_SAFE_INTEGER);
      const pages = store.deadLettersFrom(starts, {
        signal: new AbortController().signal,
        deadline: Date.now() + tellTimeoutMs,
      });
      for await (const page of pages) {
        await letters.publish(page.filter(({ partition, offset }) => offset < (to.get(partition) ?? 0)));
      }
    },
    commit: (partition, position) => membership.commit(partition, { position, epoch: 0 }),
    onError: (error) => logger.warn({ err: error }, "what is applied could not be told to others yet"),
  });
  stops.push(() => report.close());
  const own = () =>
    new Map(membership.partitions().map((partition) => [partition, store.positions()[partition] ?? 0]));
  membership.onChange(() => report.applied(own(), false));
  const applied = createApplied(() => store.positions());
  return {
    store,
    applied,
    progress: () => (membership.partitions().length > 0 ? store : kafka.applied).positions(),
    applying: {
      assignment: membership,
      rebalances: () => Number(membership.stats().rebalances),
      onStopped: takeover.leave,
      afterBatch: (result) => report.applied(own(), result === undefined || result.deadLetters > 0),
      attach(applier) {
        consumer = applier;
        applier.onApplied(applied.step);
      },
      forgetIds: store.forgetIds,
    },
    refuse: takeover.refuse,
    health: () => [store.health(), takeover.health()],
  };
}

/** Opens the store and binds it to the log. */
async function open({ config, log, logger, stops }: StoreOptions, kafka?: KafkaParts) {
  const { storeFile, idFolder } = makeStorePlaces(config);
  const store = await createDuckdbStore({
    path: storeFile,
    memoryLimit: `${config.storeMemoryBytes}B`,
    threads: config.storeThreads,
    maxQueries: config.maxQueries,
    maxWaitingQueries: config.maxWaitingQueries,
    ...(kafka
      ? { ids: { folder: idFolder, idSecret: kafka.idSecret, dedupWindowMs: config.dedupWindow } }
      : {}),
    warn: (message) => logger.warn({ stage: "store" }, message),
  });
  stops.push(() => store.close());
  const both = kafka
    ? "name the data directory whose store was built from this log by --data-dir (WEIR_DATA_DIR)"
    : "give both of one data directory";
  await bindStore(log.identity, store, `${both}, or move the store away to build a new one from the log`);
  return store;
}
