/**
 * Applies blocks to the store at argv[2] without end, and prints after each call the positions that it was answered,
 * or that it was refused. Record `offset` of `partition` has the id "partition-offset", whoever makes it.
 */
import { setTimeout } from "node:timers/promises";
import { WeirError } from "../../src/domain/errors.ts";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import { blockOf, recordOf, storePartitions } from "./store.ts";

const path = process.argv[2];
if (path === undefined) throw new Error("usage: store-writer.ts PATH");
const store = await createDuckdbStore({ path });
await store.bind("log", storePartitions);
// Some bulk, so that the write-ahead file is written to the main file now and then.
const bulk = "x".repeat(1000);

for (let round = 0; ; round++) {
  const blocks = store.positions().map((position, partition) => {
    const count = 1 + ((position * 7 + round * 31 + partition) % 400);
    const records = Array.from({ length: count }, (_, i) => {
      const offset = position + i;
      const userId = `${partition}-${offset % 100}`;
      return recordOf({ event: { id: `${partition}-${offset}`, userId, properties: { bulk } } });
    });
    return blockOf(partition, position, records);
  });
  try {
    await store.apply(blocks);
    process.stdout.write(`applied ${store.positions().join(" ")}\n`);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    process.stdout.write(`refused ${error.code} ${error.reason}\n`);
    await setTimeout(20);
  }
}
