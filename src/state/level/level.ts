import { stateKey, stateName } from "../../domain/record/ranges.ts";
import { checkStateKey, checkStateValue } from "../limits.ts";
import type { StateStore } from "../state.ts";

/** What the state needs of the database that it shares with the log. */
export interface StateDatabase {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Durable when it resolves. */
  put(key: Uint8Array, value: Uint8Array): Promise<void>;
  /** Durable when it resolves. */
  delete(key: Uint8Array): Promise<void>;
  /** Entries from `gte` (included) to `lt` (not), by key, up to `limit` and about `maxBytes`. */
  scan(range: {
    readonly gte: Uint8Array;
    readonly lt: Uint8Array;
    readonly limit: number;
    readonly maxBytes: number;
  }): Promise<[key: Uint8Array, value: Uint8Array][]>;
}

const pageEntries = 256;
const pageBytes = 4 * 1024 ** 2;

/**
 * Small state in a key range of the embedded log's database.
 *
 * Its calls reject with WeirError UNAVAILABLE/LOG_UNAVAILABLE while the database cannot be used, and with a RangeError
 * where a key or value breaks the limits.
 */
export function createLevelState(database: StateDatabase): StateStore {
  function keyOf(key: string): Uint8Array {
    checkStateKey(key);
    return stateKey(key);
  }

  async function put(key: string, value: Uint8Array): Promise<void> {
    checkStateValue(key, value);
    await database.put(keyOf(key), value);
  }

  /** One after the other: no other process has the database. */
  let lastCreation: Promise<unknown> = Promise.resolve();

  return {
    get: async (key) => database.get(keyOf(key)),
    put,
    putIfAbsent(key, value) {
      const creation = lastCreation.then(async () => {
        if ((await database.get(keyOf(key))) !== undefined) return false;
        await put(key, value);
        return true;
      });
      lastCreation = creation.catch(() => {});
      return creation;
    },
    delete: async (key) => database.delete(keyOf(key)),
    async list(prefix) {
      const start = stateKey(prefix);
      // 0xff occurs in no UTF-8 text.
      const lt = Uint8Array.of(...start, 0xff);
      const pairs: [string, Uint8Array][] = [];
      for (let gte = start; ; ) {
        const page = await database.scan({ gte, lt, limit: pageEntries, maxBytes: pageBytes });
        for (const [key, value] of page) pairs.push([stateName(key), value]);
        const last = page.at(-1);
        if (last === undefined) return pairs;
        gte = Uint8Array.of(...last[0], 0);
      }
    },
  };
}
