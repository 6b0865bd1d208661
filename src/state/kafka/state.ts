import type { Stage } from "../../domain/health.ts";
import { checkStateKey, checkStateValue } from "../limits.ts";
import type { StateStore } from "../state.ts";
import { withClaim } from "./claims.ts";

/** What the state needs of the topic that keeps it: the last value of each key stands for ever. */
export interface StateTopic extends Stage {
  /** Resolves with the offset, once it is durable. Undefined: there is no value any more. */
  publish(key: string, value: Uint8Array | undefined): Promise<number>;
  /** Gives every record in order, also those that come later. Resolves once those of now were given. */
  follow(apply: (key: string, value: Uint8Array | undefined, offset: number) => void): Promise<void>;
  close(): Promise<void>;
}

/** How long a creation waits until what came before it is read, in milliseconds. */
const readTimeoutMs = 10_000;

export interface KafkaState extends StateStore, Stage {
  /** Value of the key that was last written before all others that start with `prefix`; undefined where there is none. */
  oldest(prefix: string): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/**
 * Small state in a compacted topic that every process follows and keeps in memory. While brokers are away it answers as
 * of the last change it heard of, and takes none.
 *
 * Its writes reject with WeirError UNAVAILABLE/LOG_UNAVAILABLE where they were not durable in time, and with a RangeError
 * where a key or value breaks the limits.
 *
 * @param topic closed with the state
 */
export async function createKafkaState(topic: StateTopic): Promise<KafkaState> {
  /** What is absent again is kept too, so that nothing older comes back. */
  const entries = new Map<string, { readonly value: Uint8Array | undefined; readonly offset: number }>();

  // One's own writes are known when they are acknowledged, whether they have been read before or come afterwards.
  function apply(key: string, value: Uint8Array | undefined, offset: number): void {
    if (offset > (entries.get(key)?.offset ?? -1)) entries.set(key, { value, offset });
  }

  /** Offset up to which the topic was read, and who waits for a later one. */
  let readUpTo = -1;
  const readers = new Set<() => void>();

  function applyRead(key: string, value: Uint8Array | undefined, offset: number): void {
    apply(key, value, offset);
    readUpTo = offset;
    for (const check of readers) check();
  }

  async function reached(offset: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const check = () => {
      if (readUpTo >= offset) resolve(true);
    };
    const timer = setTimeout(resolve, readTimeoutMs, false);
    readers.add(check);
    check();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      readers.delete(check);
    }
  }

  function* standing(prefix: string) {
    for (const [key, { value, offset }] of entries) {
      if (value !== undefined && key.startsWith(prefix)) yield { key, value, offset };
    }
  }

  async function write(key: string, value: Uint8Array | undefined): Promise<number> {
    checkStateKey(key);
    if (value !== undefined) checkStateValue(key, value);
    const own = value && copyOf(value);
    const offset = await topic.publish(key, own);
    apply(key, own, offset);
    return offset;
  }

  try {
    await topic.follow(applyRead);
  } catch (error) {
    await topic.close();
    throw error;
  }
  return {
    async get(key) {
      checkStateKey(key);
      const value = entries.get(key)?.value;
      return value && copyOf(value);
    },
    async put(key, value) {
      await write(key, value);
    },
    async putIfAbsent(key, value) {
      const isFree = () => entries.get(key)?.value === undefined;
      return isFree() && withClaim({ write, reached, standing }, key, isFree, () => write(key, value));
    },
    async delete(key) {
      await write(key, undefined);
    },
    async list(prefix) {
      const pairs: [key: string, value: Uint8Array][] = [];
      for (const { key, value } of standing(prefix)) pairs.push([key, copyOf(value)]);
      return pairs.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    },
    async oldest(prefix) {
      let first: { readonly value: Uint8Array; readonly offset: number } | undefined;
      for (const [key, { value, offset }] of entries) {
        if (value === undefined || !key.startsWith(prefix)) continue;
        if (first === undefined || offset < first.offset) first = { value, offset };
      }
      return first && copyOf(first.value);
    },
    health: topic.health,
    stats: () => ({ ...topic.stats(), entries: entries.size }),
    close: topic.close,
  };
}

/** Of its own bytes, which a Buffer's slice would not have. */
function copyOf(value: Uint8Array): Uint8Array {
  return new Uint8Array(value);
}
