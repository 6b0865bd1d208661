/**
 * The ids of a log that does not drop copies itself: a LevelDB beside the database, owned by the worker. Nothing else
 * here imports classic-level.
 *
 *   id     u8 range, partition and hash -> for each record it was stored from u48 offset, u32 received time in seconds
 *   state  "format": version of the table, the first where there is none; "log": the log's id; "positions": how far into each partition ids were written, as JSON
 */
import { ClassicLevel } from "classic-level";
import { rootOf, WeirError } from "../../domain/errors.ts";
import { keyRanges, stateKey } from "../../domain/record/ranges.ts";
import { type IdTable, idKeyBytes, type NewId, type StoredId } from "../apply/copies.ts";
import { StoreStartError } from "../store.ts";

export interface LevelIdTable extends IdTable {
  /** The log that the ids are of; undefined while the table is new. */
  readonly logId: string | undefined;
  /** Of each partition the offset before which all ids were written; empty while the table is new. */
  readonly positions: readonly number[];
  /** Makes a new table that of a log. Durable when it resolves. */
  bind(logId: string, partitions: number): Promise<void>;
  /**
   * Remembers the ids of everything before `positions`. Durable when it resolves.
   *
   * @param committed positions before which no record comes again
   */
  write(ids: readonly NewId[], positions: readonly number[], committed: readonly number[]): Promise<void>;
  /** Forgets some of the ids that were received before the instant of their partition. */
  forget(untilMs: ReadonlyMap<number, number>, from: Uint8Array | undefined): Promise<Forgotten>;
  close(): Promise<void>;
}

export interface Forgotten {
  readonly ids: number;
  /** Where to go on; absent at the end. */
  readonly next?: Uint8Array;
}

const mib = 1024 ** 2;
const storedBytes = 10;
const maxSeconds = 2 ** 32 - 1;
/** Ids that one step of forgetting looks at, so that applying does not wait for long. */
const idsPerStep = 4096;
/** Grows by one with each change that a program from before would misread. */
const tableFormat = 1;
const formatKey = stateKey("format");
const logKey = stateKey("log");
const positionsKey = stateKey("positions");

/**
 * Its calls reject with WeirError UNAVAILABLE/STORE_UNAVAILABLE where it cannot be used; after a failed write it is
 * opened anew before it is used again, since LevelDB goes on writing behind a torn record.
 *
 * @throws StoreStartError when the folder is in use, not accessible, broken or of a newer version
 */
export async function openIdTable(folder: string): Promise<LevelIdTable> {
  const db = new ClassicLevel<Uint8Array, Uint8Array>(folder, {
    keyEncoding: "view",
    valueEncoding: "view",
    // Hashes do not compress.
    compression: false,
    writeBufferSize: 64 * mib,
    cacheSize: 32 * mib,
    maxFileSize: 32 * mib,
  });
  const state = { failed: false, logId: undefined as string | undefined, positions: [] as readonly number[] };
  // Batches copy what they are given, so one key and one value serve for all.
  const encode = createEncoder();
  const key = Buffer.alloc(1 + idKeyBytes, keyRanges.id);

  async function open(): Promise<void> {
    await db.open();
    const [format, logId, positions] = await db.getMany([formatKey, logKey, positionsKey]);
    checkFormat(folder, format);
    state.logId = logId === undefined ? undefined : Buffer.from(logId).toString();
    state.positions = positions === undefined ? [] : JSON.parse(Buffer.from(positions).toString());
  }

  async function using<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      if (state.failed) {
        await db.close();
        await open();
        state.failed = false;
      }
      return await work();
    } catch (error) {
      state.failed = true;
      const message = `the ids in ${folder} cannot be used: ${rootOf(error).message}`;
      throw new WeirError("UNAVAILABLE", "STORE_UNAVAILABLE", message, { cause: error });
    }
  }

  function keyOf(text: string): Buffer {
    key.write(text, 1, idKeyBytes, "latin1");
    return key;
  }

  try {
    await open();
  } catch (error) {
    await db.close();
    throw startError(folder, error);
  }
  return {
    get logId() {
      return state.logId;
    },
    get positions() {
      return state.positions;
    },
    bind: (logId, partitions) =>
      using(async () => {
        const positions = Array<number>(partitions).fill(0);
        const batch = db.batch().put(formatKey, Buffer.from(String(tableFormat)));
        batch.put(logKey, Buffer.from(logId));
        await batch.put(positionsKey, Buffer.from(JSON.stringify(positions))).write({ sync: true });
        Object.assign(state, { logId, positions });
      }),
    lookUp: (keys) =>
      using(() => {
        const known = new Map<string, StoredId[]>();
        for (const text of keys) {
          const value = db.getSync(keyOf(text));
          if (value !== undefined) known.set(text, decode(value));
        }
        return known;
      }),
    write: (ids, positions, committed) =>
      using(async () => {
        const batch = db.batch();
        for (const { partition, key: text, stored } of ids) {
          batch.put(keyOf(text), encode(stored, committed[partition]!));
        }
        // A store that is built anew begins again.
        const reached = positions.map((position, partition) =>
          Math.max(position, state.positions[partition]!),
        );
        batch.put(positionsKey, Buffer.from(JSON.stringify(reached)));
        await batch.write({ sync: true });
        state.positions = reached;
      }),
    forget: (untilMs, from) =>
      using(async () => {
        const gte = from ?? Uint8Array.of(keyRanges.id);
        const iterator = db.iterator({ gte, lt: Uint8Array.of(keyRanges.id + 1), limit: idsPerStep });
        const entries = await iterator.nextv(idsPerStep).finally(() => iterator.close());
        const old = entries.filter(([id, value]) => {
          const partition = Buffer.from(id.buffer, id.byteOffset, id.length).readUInt32LE(1);
          const until = untilMs.get(partition) ?? Number.NEGATIVE_INFINITY;
          return decode(value).every(({ receivedUs }) => receivedUs / 1000 < until);
        });
        // Not synced: what comes back after a crash is forgotten again.
        if (old.length > 0) await db.batch(old.map(([id]) => ({ type: "del", key: id })));
        const last = entries.length < idsPerStep ? undefined : entries.at(-1);
        return { ids: old.length, ...(last === undefined ? {} : { next: Uint8Array.of(...last[0], 0) }) };
      }),
    close: () => db.close(),
  };
}

/**
 * A value for the table, over one buffer that grows. It keeps what may be asked for again: what no record behind the
 * committed position can be a copy of is left out.
 */
function createEncoder(): (stored: readonly StoredId[], committed: number) => Uint8Array {
  let scratch = Buffer.alloc(storedBytes);
  return (stored, committed) => {
    const sorted = stored.length === 1 ? stored : [...stored].sort((a, b) => a.offset - b.offset);
    const last = sorted.findLastIndex(({ offset }) => offset < committed);
    const kept = last > 0 ? sorted.slice(last) : sorted;
    const length = kept.length * storedBytes;
    if (length > scratch.length) scratch = Buffer.alloc(length);
    kept.forEach(({ offset, receivedUs }, i) => {
      const seconds = Math.min(maxSeconds, Math.max(0, Math.floor(receivedUs / 1e6)));
      scratch.writeUIntBE(offset, i * storedBytes, 6);
      scratch.writeUInt32BE(seconds, i * storedBytes + 6);
    });
    return length === scratch.length ? scratch : scratch.subarray(0, length);
  };
}

function decode(bytes: Uint8Array): StoredId[] {
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / storedBytes }, (_, i) => ({
    offset: value.readUIntBE(i * storedBytes, 6),
    receivedUs: value.readUInt32BE(i * storedBytes + 6) * 1e6,
  }));
}

function checkFormat(folder: string, kept: Uint8Array | undefined): void {
  const format = kept === undefined ? 1 : Number(Buffer.from(kept).toString());
  if (format === tableFormat) return;
  const message = `${folder}: the store's ids have format ${format}, this program reads ${tableFormat}`;
  throw new StoreStartError(`${message}: run the newer version that wrote them`);
}

function startError(folder: string, error: unknown): StoreStartError {
  if (error instanceof StoreStartError) return error;
  const { code, message } = rootOf(error);
  return code === "LEVEL_LOCKED"
    ? new StoreStartError(`${folder} is in use by another process: its ids serve one store at a time`, error)
    : new StoreStartError(`${folder}: the store's ids cannot be opened: ${message}`, error);
}
