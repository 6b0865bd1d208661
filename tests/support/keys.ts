/** Keys in the state of a data directory, made while no server runs on it. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Keys, openKeys } from "../../src/auth/keys.ts";
import { openLevelDatabase } from "../../src/log/level/database.ts";
import { createLevelState } from "../../src/state/level/level.ts";
import type { StateStore } from "../../src/state/state.ts";

/** Works on the keys of a stopped server. @param now as of which they are made. Default Date.now */
export function withKeys<T>(
  dataDir: string,
  work: (keys: Keys) => Promise<T>,
  now: () => number = Date.now,
): Promise<T> {
  return withState(dataDir, async (state) => {
    const keys = await openKeys({ state, now, warn: () => {} });
    try {
      return await work(keys);
    } finally {
      await keys.close();
    }
  });
}

/** Works on the small state of a stopped server. */
export async function withState<T>(dataDir: string, work: (state: StateStore) => Promise<T>): Promise<T> {
  const directory = join(dataDir, "log");
  await mkdir(directory, { recursive: true });
  const database = await openLevelDatabase({ directory });
  try {
    return await work(createLevelState(database));
  } finally {
    await database.close();
  }
}

/** A state in memory that two processes may share. */
export function sharedState(): StateStore {
  const entries = new Map<string, Uint8Array>();
  return {
    get: async (key) => entries.get(key),
    put: async (key, value) => void entries.set(key, value),
    putIfAbsent: async (key, value) => {
      if (entries.has(key)) return false;
      entries.set(key, value);
      return true;
    },
    delete: async (key) => void entries.delete(key),
    list: async (prefix) =>
      [...entries].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}
