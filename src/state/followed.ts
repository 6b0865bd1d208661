/** A kind of small state kept in memory, which follows what every process that shares the state changes. */
import { randomBytes } from "node:crypto";
import type { StateStore } from "./state.ts";

/** Entries of one kind by name. */
export interface FollowedState<T> {
  /** As of the last look; another process's changes come with the next one. */
  readonly entries: ReadonlyMap<string, T>;
  /** Durable when it resolves, and known to every process within `pollMs`. */
  put(name: string, value: T): Promise<void>;
  /** As put, where there is none yet: of several at once, in whatever process, at most one succeeds. */
  create(name: string, value: T): Promise<boolean>;
  /** Durable when it resolves, as put. */
  remove(name: string): Promise<void>;
  /** Has every process look: for a change that was made, and of which nobody may have been told. Durable as put. */
  announce(): Promise<void>;
  /** Looks for changes now. */
  refresh(): Promise<void>;
  /** Ends the looking. */
  close(): Promise<void>;
}

export interface FollowedStateOptions<T> {
  readonly state: StateStore;
  /** What all names of the kind begin with in the state, such as `keys/`. */
  readonly prefix: string;
  encode(value: T): Uint8Array;
  /** Undefined for bytes that are none: the entry is left out. */
  decode(bytes: Uint8Array): T | undefined;
  /** Told of every entry that was left out, and of a look that failed. */
  readonly warn: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  /** Called with the entries once they are read, and after each change. */
  readonly onChange?: (entries: ReadonlyMap<string, T>) => void;
  /** Time between looks for changes, in milliseconds. Default 250. */
  readonly pollMs?: number;
  /** Looks after which everything is read although no change was told of. Default 40. */
  readonly fullReadEvery?: number;
}

/**
 * Reads all entries, then looks at one small stamp, which every change renews after it is durable, and reads the entries
 * again when that has changed.
 */
export async function followState<T>(options: FollowedStateOptions<T>): Promise<FollowedState<T>> {
  const {
    state,
    prefix,
    encode,
    decode,
    warn,
    onChange = () => {},
    pollMs = 250,
    fullReadEvery = 40,
  } = options;
  const stampKey = `changed/${prefix}`;
  let entries = new Map<string, T>();
  let stamp = "";
  let looks = 0;
  let looking: Promise<void> | undefined;
  /** Grows with each change of this process's own, which a look that began before it must not take back. */
  let ownChanges = 0;

  async function readStamp(): Promise<string> {
    return Buffer.from((await state.get(stampKey)) ?? []).toString("hex");
  }

  async function look(): Promise<void> {
    const seen = await readStamp();
    const full = looks++ % fullReadEvery === 0;
    if (seen === stamp && !full) return;
    const before = ownChanges;
    const pairs = await state.list(prefix);
    if (ownChanges !== before) return;
    const read = new Map<string, T>();
    for (const [key, bytes] of pairs) {
      const value = decode(bytes);
      if (value === undefined) warn({ key }, "an entry of the shared state cannot be read and is left out");
      else read.set(key.slice(prefix.length), value);
    }
    entries = read;
    stamp = seen;
    onChange(entries);
  }

  function refresh(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  const announce = () => state.put(stampKey, randomBytes(8));

  async function changed(now: Map<string, T>): Promise<void> {
    ownChanges++;
    entries = now;
    onChange(entries);
    await announce();
  }

  await refresh();
  const timer = setInterval(() => {
    refresh().catch((err: unknown) => warn({ err, prefix }, "the shared state cannot be read now"));
  }, pollMs).unref();
  return {
    get entries() {
      return entries;
    },
    async put(name, value) {
      await state.put(prefix + name, encode(value));
      await changed(new Map(entries).set(name, value));
    },
    async remove(name) {
      await state.delete(prefix + name);
      const left = new Map(entries);
      left.delete(name);
      await changed(left);
    },
    async create(name, value) {
      if (!(await state.putIfAbsent(prefix + name, encode(value)))) return false;
      await changed(new Map(entries).set(name, value));
      return true;
    },
    announce,
    refresh,
    async close() {
      clearInterval(timer);
      await looking?.catch(() => {});
    },
  };
}
