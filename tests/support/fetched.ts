/** What tests need that is no npm package: fetched once into .cache, which is ignored. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { repository } from "./process.ts";

const cache = join(repository, ".cache");

/** How long fetching may take, in milliseconds: less than a hook of the tests that need it may. */
export const fetchDeadlineMs = 110_000;

export function isFetched(name: string): boolean {
  return existsSync(join(cache, name));
}

/** The folder of that name, which `fetch` fills the first time and which is kept. */
export async function fetched(name: string, fetch: (folder: string) => Promise<void>): Promise<string> {
  const kept = join(cache, name);
  if (existsSync(kept)) return kept;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${kept}-`);
  try {
    await fetch(folder);
    renameSync(folder, kept);
  } catch (error) {
    // Another test may have been as far at the same time; either folder will do.
    if (!existsSync(kept)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return kept;
}

/** Whether a command is found by the PATH. */
export function isCommand(command: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, command)));
}
