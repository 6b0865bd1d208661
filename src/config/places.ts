import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Config } from "./config.ts";
import { ConfigError } from "./error.ts";
import { type LogPlace, logPlace } from "./log-url.ts";
import { needsStore } from "./pair.ts";
import { nameOf, settings } from "./settings.ts";
import { type StorePlace, storePlace } from "./store-url.ts";

/** Where things are kept; what is a folder or a file can be written. */
export interface Places {
  readonly log: LogPlace;
  /** Absent: the process has no store. */
  readonly store?: StorePlace;
  /** Folder of the ids of events; absent where log or store keep them. */
  readonly idFolder?: string;
}

/**
 * Makes the folders that do not exist and are needed, before anything is opened.
 *
 * @throws ConfigError where one cannot be made or written to, or the store's file is a folder
 */
export function preparePlaces(config: Config): Places {
  const log = logPlace(config);
  if (log.kind === "level") makeFolderOf("log", log.folder, config.log === "" ? "dataDir" : "log");
  if (!needsStore(config)) return { log };
  const store = storePlace(config);
  if (store.kind === "clickhouse") return { log, store };
  makeStoreFolder(store.file, config.store === "" ? "dataDir" : "store");
  if (log.kind === "level") return { log, store };
  const idFolder = join(config.dataDir, "ids");
  makeFolderOf("ids", idFolder, "dataDir");
  return { log, store, idFolder };
}

/**
 * As preparePlaces, for the embedded log and store.
 *
 * @throws ConfigError also for others
 */
export function makePlaces(config: Config): { readonly logFolder: string; readonly storeFile: string } {
  const { log, store } = preparePlaces(config);
  if (log.kind !== "level" || store?.kind !== "duckdb") {
    throw new ConfigError(`${nameOf(settings.log)}: a log on Kafka is not served yet`);
  }
  return { logFolder: log.folder, storeFile: store.file };
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
