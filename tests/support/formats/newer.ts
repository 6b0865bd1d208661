/** What a newer version may have written, told by its number alone. */
import { readFile, writeFile } from "node:fs/promises";
import { ClassicLevel } from "classic-level";

/** Every entry of a LevelDB, as hexadecimal text. */
export function entriesOf(folder: string): Promise<[string, string][]> {
  return onLevel(folder, async (db) => {
    const entries = await db.iterator().all();
    return entries.map(([key, value]) => [key.toString("hex"), value.toString("hex")]);
  });
}

/** Puts an entry into a LevelDB, or removes it. @returns what was there */
export function changeEntry(folder: string, key: Buffer, value: Buffer | undefined) {
  return onLevel(folder, async (db) => {
    const former = await db.get(key);
    await (value === undefined ? db.del(key) : db.put(key, value));
    return former;
  });
}

async function onLevel<T>(
  folder: string,
  work: (db: ClassicLevel<Buffer, Buffer>) => Promise<T>,
): Promise<T> {
  const db = new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: "buffer", valueEncoding: "buffer" });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

const headerBytes = 4096;
const versionAt = 12;
const multiplier = 0xbf58476d1ce4e5b9n;

/** Writes another version of DuckDB's own format into a file of it: its header has it, behind a checksum and "DUCK". */
export async function writeFileVersion(path: string, version: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeBigUInt64LE(BigInt(version), versionAt);
  let checksum = 5381n;
  for (let at = 8; at < headerBytes; at += 8) {
    checksum ^= BigInt.asUintN(64, bytes.readBigUInt64LE(at) * multiplier);
  }
  bytes.writeBigUInt64LE(checksum, 0);
  await writeFile(path, bytes);
}

/** DuckDB's version of a file's format. */
export async function fileVersion(path: string): Promise<number> {
  return Number((await readFile(path)).readBigUInt64LE(versionAt));
}
