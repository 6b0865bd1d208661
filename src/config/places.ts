import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Config } from "./config.ts";
import { ConfigError } from "./error.ts";
import { logPlace } from "./log-url.ts";
import { nameOf, settings } from "./settings.ts";
import { storePlace } from "./store-url.ts";

/**
 * Makes the folder of an embedded log where it does not exist.
 *
 * @throws ConfigError where it cannot be made or written to
 */
export function makeLogFolder(config: Pick<Config, "log" | "dataDir">): string {
  const place = logPlace(config);
  if (place.kind !== "level") throw new TypeError("the log is not kept in a folder");
  makeFolderOf("log", place.folder, config.log === "" ? "dataDir" : "log");
  return place.folder;
}

export interface StorePlaces {
  readonly storeFile: string;
  /** Folder of the ids of events, which an embedded log keeps itself: it is made where the log is on Kafka. */
  readonly idFolder: string;
}

/**
 * Makes the folders of a DuckDB store that do not exist.
 *
 * @throws ConfigError where one cannot be made or written to, or the store's file is a folder
 */
export function makeStorePlaces(config: Config): StorePlaces {
  const place = storePlace(config);
  if (place.kind !== "duckdb") throw new TypeError("the store is not kept in a file");
  makeStoreFolder(place.file, config.store === "" ? "dataDir" : "store");
  const idFolder = join(config.dataDir, "ids");
  if (logPlace(config).kind === "kafka") makeFolderOf("ids", idFolder, "dataDir");
  return { storeFile: place.file, idFolder };
}

function makeFolderOf(what: string, folder: string, by: "dataDir" | "log"): void {
  refusing(`${nameOf(settings[by])}: the ${what} cannot be kept in ${folder}`, () => makeFolder(folder));
}

function makeStoreFolder(file: string, by: "dataDir" | "store"): void {
  refusing(`${nameOf(settings[by])}: the store cannot be kept in ${file}`, () => {
    makeFolder(dirname(file));
    if (found(file)?.isDirectory()) throw new Error("it is a folder");
  });
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
