/** Stores on ClickHouse, each in a database of its own, with commits in memory. */
import type { Arbiter, Committed } from "../../src/store/clickhouse/arbiter.ts";
import { createConnection } from "../../src/store/clickhouse/connection.ts";
import { migrateClickhouse } from "../../src/store/clickhouse/migrate.ts";
import {
  type ClickhouseStore,
  type ClickhouseStoreOptions,
  createClickhouseStore,
} from "../../src/store/clickhouse/store.ts";
import { sharedClickhouse } from "./clickhouse.ts";

/** Commits without a broker. */
export interface MemoryArbiter extends Arbiter {
  readonly commits: Map<number, Committed>;
}

export function memoryArbiter(): MemoryArbiter {
  const commits = new Map<number, Committed>();
  return {
    commits,
    committed: async (partition) => commits.get(partition),
    async commit(partition, committed) {
      commits.set(partition, committed);
    },
  };
}

export interface TemporaryClickhouse {
  readonly store: ClickhouseStore;
  /** URL of its database. */
  readonly path: string;
  readonly arbiter: MemoryArbiter;
  /** Closes the store and opens it again. */
  reopen(): Promise<ClickhouseStore>;
  /** Opens it as one that has everything to apply again, but knows the ids. */
  rewind(): Promise<void>;
  remove(): Promise<void>;
}

/** A database of its own with the schema. Its writes do not wait for the disk, which no test pulls the plug of. */
export async function migratedDatabase(): Promise<string> {
  const url = (await sharedClickhouse()).newDatabase();
  await migrateClickhouse(url);
  const connection = createConnection({ url, maxConnections: 1 });
  for (const table of ["events", "ids", "fences", "applied", "dead_letters"]) {
    await connection.command(
      `ALTER TABLE ${table} MODIFY SETTING fsync_after_insert = 0, fsync_part_directory = 0`,
    );
  }
  await connection.close();
  return url;
}

export const testSecret = Buffer.from("a secret of the tests");

/** A real store, bound to log "log". */
export async function temporaryClickhouse(
  partitions: number,
  options: Partial<ClickhouseStoreOptions> = {},
): Promise<TemporaryClickhouse> {
  const url = await migratedDatabase();
  const arbiter = memoryArbiter();
  const open = () => createClickhouseStore({ url, arbiter, idSecret: testSecret, ...options });
  let store = await open();
  await store.bind("log", partitions);
  async function reopen() {
    await store.close();
    store = await open();
    return store;
  }
  return {
    get store() {
      return store;
    },
    path: url,
    arbiter,
    reopen,
    async rewind() {
      for (const [partition, { epoch }] of arbiter.commits) {
        arbiter.commits.set(partition, { position: 0, epoch });
      }
      await reopen();
    },
    remove: () => store.close(),
  };
}
