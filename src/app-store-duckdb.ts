/** Part of the composition root: DuckDB, on the embedded log or as the one node that applies a log on Kafka. */
import type { StoreOptions, StoreParts } from "./app-parts.ts";
import { makeStorePlaces } from "./config/places.ts";
import { bindStore, checkPositions } from "./consumer/start-check.ts";
import { everyPartition } from "./log/assignment.ts";
import { createDuckdbStore } from "./store/duckdb/store.ts";
import { createApplied } from "./visibility/applied.ts";

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

/** Opens the store and binds it to the log. */
async function open({ config, log, logger, stops }: StoreOptions) {
  const { storeFile } = makeStorePlaces(config);
  const store = await createDuckdbStore({
    path: storeFile,
    memoryLimit: `${config.storeMemoryBytes}B`,
    threads: config.storeThreads,
    maxQueries: config.maxQueries,
    maxWaitingQueries: config.maxWaitingQueries,
    warn: (message) => logger.warn({ stage: "store" }, message),
  });
  stops.push(() => store.close());
  await bindStore(log.identity, store);
  return store;
}
