/** Answers kept for a while: bounded in number and bytes, for each project and in all; the least recently used go first. */

export interface KeptAnswers {
  readonly entries: number;
  readonly bytes: number;
  get(project: string, key: string): unknown;
  /** An answer that would take more than a quarter of its project's bytes is not kept. */
  set(project: string, key: string, answer: unknown): void;
  clear(): void;
}

export interface KeptLimits {
  /** Answers of one project. Default 500. */
  readonly maxEntries?: number;
  /** Bytes of one project's answers, as estimated. Default a quarter of all. */
  readonly maxProjectBytes?: number;
  /** Bytes of all answers. Default 32 MiB; 0 keeps none. */
  readonly maxBytes?: number;
}

interface Entry {
  readonly answer: unknown;
  readonly bytes: number;
}

interface Shelf {
  /** The least recently used first. */
  readonly entries: Map<string, Entry>;
  bytes: number;
}

export function keepAnswers(limits: KeptLimits = {}): KeptAnswers {
  const { maxEntries = 500, maxBytes = 32 * 1024 * 1024 } = limits;
  const { maxProjectBytes = maxBytes / 4 } = limits;
  /** By project, the least recently used first; none is empty. */
  const shelves = new Map<string, Shelf>();
  let bytes = 0;
  let entries = 0;

  function remove(project: string, shelf: Shelf, key: string, entry: Entry): void {
    shelf.entries.delete(key);
    shelf.bytes -= entry.bytes;
    bytes -= entry.bytes;
    entries--;
    if (shelf.entries.size === 0) shelves.delete(project);
  }

  function removeOldest(project: string, shelf: Shelf): void {
    const [oldest] = shelf.entries;
    if (oldest) remove(project, shelf, ...oldest);
  }

  return {
    get entries() {
      return entries;
    },
    get bytes() {
      return bytes;
    },
    get(project, key) {
      const shelf = shelves.get(project);
      const entry = shelf?.entries.get(key);
      if (!shelf || !entry) return undefined;
      shelf.entries.delete(key);
      shelf.entries.set(key, entry);
      shelves.delete(project);
      shelves.set(project, shelf);
      return entry.answer;
    },
    set(project, key, answer) {
      const entry = { answer, bytes: sizeOf(answer) + 2 * key.length };
      if (entry.bytes > maxProjectBytes / 4) return;
      const shelf = shelves.get(project) ?? { entries: new Map<string, Entry>(), bytes: 0 };
      const former = shelf.entries.get(key);
      if (former) remove(project, shelf, key, former);
      shelf.entries.set(key, entry);
      shelf.bytes += entry.bytes;
      bytes += entry.bytes;
      entries++;
      shelves.delete(project);
      shelves.set(project, shelf);
      while (shelf.entries.size > maxEntries || shelf.bytes > maxProjectBytes) removeOldest(project, shelf);
      while (bytes > maxBytes) {
        const [first] = shelves;
        if (first) removeOldest(...first);
      }
    },
    clear() {
      shelves.clear();
      bytes = 0;
      entries = 0;
    },
  };
}

/** What plain data takes in memory, about, in bytes; an object's own share included. */
function sizeOf(value: unknown): number {
  if (typeof value === "string") return 16 + 2 * value.length;
  if (ArrayBuffer.isView(value)) return 96 + value.byteLength;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + 8 + sizeOf(item), 32);
  if (typeof value === "object" && value !== null) {
    let size = 56;
    for (const [key, item] of Object.entries(value)) size += 8 + 2 * key.length + sizeOf(item);
    return size;
  }
  return 8;
}
