/** Removes what builds, tests and a local server leave behind: dist, caches, and the data directory when asked to. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const data = join(root, "data");
const withData = process.argv.includes("--data");
const holder = withData ? await folderInUse() : undefined;
if (holder === undefined) {
  const targets = ["dist", ".cache", "coverage", ...(withData ? ["data"] : [])];
  for (const target of targets) rmSync(join(root, target), { recursive: true, force: true });
  console.log(`removed ${targets.join(", ")}`);
} else {
  console.error(`${holder} is in use by another process: nothing was removed`);
  process.exitCode = 1;
}

/** A LevelDB of the data, the log or a store's ids, that a process has locked: it would go on acknowledging into nothing. */
async function folderInUse(): Promise<string | undefined> {
  if (!existsSync(data)) return undefined;
  const paths = readdirSync(data, { recursive: true, encoding: "utf8" });
  for (const path of paths.filter((name) => /(^|[\\/])LOCK$/.test(name))) {
    const folder = dirname(join(data, path));
    if (await isLocked(folder)) return folder;
  }
  return undefined;
}

/** One that cannot be opened for another reason, such as a broken one, is nobody's. */
async function isLocked(folder: string): Promise<boolean> {
  // Only here, so that what needs no packages can be removed without them.
  const { ClassicLevel } = await import("classic-level");
  const db = new ClassicLevel(folder, { createIfMissing: false });
  try {
    await db.open();
    return false;
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    return cause?.code === "LEVEL_LOCKED";
  } finally {
    await db.close();
  }
}
