import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Config, ConfigError } from "./config.ts";
import { nameOf, settings } from "./settings.ts";

/** Where the embedded log and store are kept. */
export interface Places {
  readonly logFolder: string;
  readonly storeFile: string;
}

/**
 * Makes the folders that do not exist, before anything is opened.
 *
 * @throws ConfigError where one cannot be made or written to, or the store's file is a folder
 */
export function makePlaces(config: Config): Places {
  return { logFolder: makeLogFolder(config), storeFile: placeStoreFile(config) };
}

function makeLogFolder(config: Config): string {
  const folder = pathOf(config.log, join(config.dataDir, "log"));
  const name = nameOf(config.log === "" ? settings.dataDir : settings.log);
  refusing(`${name}: the log cannot be kept in ${folder}`, () => makeFolder(folder));
  return folder;
}

function placeStoreFile(config: Config): string {
  const file = pathOf(config.store, join(config.dataDir, "store.duckdb"));
  const name = nameOf(config.store === "" ? settings.dataDir : settings.store);
  refusing(`${name}: the store cannot be kept in ${file}`, () => {
    makeFolder(dirname(file));
    if (found(file)?.isDirectory()) throw new Error("it is a folder");
  });
  return file;
}

/** Path of a `scheme:path` URL; the default where none is set. */
function pathOf(url: string, fallback: string): string {
  return url === "" ? fallback : url.slice(url.indexOf(":") + 1);
}

function refusing(what: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new ConfigError(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Makes a folder, level by level: Node's own recursive mkdir never comes back, and hears no signal, where the system
 * says that the parent of a level is not there although it is, as /proc does.
 */
function makeFolder(folder: string): void {
  const missing: string[] = [];
  let level = resolve(folder);
  for (let known = found(level); ; known = found(level)) {
    if (known?.isDirectory()) break;
    if (known !== undefined) throw new Error(`${level} is not a folder`);
    missing.unshift(level);
    level = dirname(level);
  }
  accessSync(level, constants.W_OK | constants.X_OK);
  for (const next of missing) {
    try {
      mkdirSync(next);
    } catch (error) {
      // Another process may have made it meanwhile.
      if (!found(next)?.isDirectory()) throw error;
    }
  }
}

/** What stands at a path; undefined where nothing does. */
function found(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // A level above it is a file.
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}
