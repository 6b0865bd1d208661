/**
 * Applies the log of seed argv[3] to the store at argv[2], in pieces of any size, and prints after each call the positions
 * that it was answered, or that it was refused. With argv[4], which limits the size of its files to so many bytes, it
 * waits to be killed once it is refused.
 */
import { setTimeout } from "node:timers/promises";
import { WeirError } from "../../src/domain/errors.ts";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import { randomOf } from "./clickhouse/faults.ts";
import { crashLog } from "./copied-log.ts";
import { limitFileSize } from "./file-size-limit.ts";
import { blockOf, idsBeside } from "./store.ts";

const [path, seed, bytes] = process.argv.slice(2);
if (path === undefined || seed === undefined) throw new Error("usage: copies-writer.ts PATH SEED [BYTES]");
const { records } = crashLog(seed);
const random = randomOf(Math.floor(Math.random() * 2 ** 32));
const store = await createDuckdbStore({ path, ids: idsBeside(path) });
await store.bind("log", records.length);

if (bytes !== undefined) await limitFileSize(process.pid, Number(bytes));
/** Longer than any test. */
const foreverMs = 2 ** 31 - 1;

for (;;) {
  const blocks = store
    .positions()
    .map((position, partition) => {
      const count = 1 + Math.floor(random() * 100);
      return blockOf(partition, position, records[partition]!.slice(position, position + count));
    })
    .filter(({ count }) => count > 0);
  // At the log's end it goes on with nothing, which is written down as well.
  if (blocks.length === 0) await setTimeout(20);
  try {
    await store.apply(blocks);
    process.stdout.write(`applied ${store.positions().join(" ")}\n`);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    process.stdout.write(`refused ${error.code} ${error.reason}\n`);
    await setTimeout(bytes === undefined ? 20 : foreverMs);
  }
}
