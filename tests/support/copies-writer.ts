/**
 * Applies the log of seed argv[3] to the store at argv[2], in pieces of any size, and prints after each call the positions
 * that it was answered, or that it was refused. At the log's end it waits to be killed.
 */
import { setTimeout } from "node:timers/promises";
import { WeirError } from "../../src/domain/errors.ts";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import { randomOf } from "./clickhouse/faults.ts";
import { crashLog } from "./copied-log.ts";
import { blockOf, idsBeside } from "./store.ts";

const [path, seed] = process.argv.slice(2);
if (path === undefined || seed === undefined) throw new Error("usage: copies-writer.ts PATH SEED");
const { records } = crashLog(seed);
const random = randomOf(Math.floor(Math.random() * 2 ** 32));
const store = await createDuckdbStore({ path, ids: idsBeside(path) });
await store.bind("log", records.length);

for (;;) {
  const blocks = store.positions().map((position, partition) => {
    const count = 1 + Math.floor(random() * 100);
    return blockOf(partition, position, records[partition]!.slice(position, position + count));
  });
  try {
    await store.apply(blocks.filter(({ count }) => count > 0));
    process.stdout.write(`applied ${store.positions().join(" ")}\n`);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    process.stdout.write(`refused ${error.code} ${error.reason}\n`);
    await setTimeout(20);
  }
}
