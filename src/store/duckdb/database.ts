import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { StoreStartError } from "../store.ts";
import { migrate } from "./migrate.ts";
import type { WorkerOptions } from "./protocol.ts";
import { quoted } from "./quoted.ts";
import { prepareSchema, schemaVersion, upgradeFrom2 } from "./schema.ts";
import { storageVersion } from "./storage-version.ts";

/** An open DuckDB file: its instance, and the connection that writes. */
export interface Database {
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
}

export interface OpenedDatabase extends Database {
  /** What the operator should know. */
  readonly warnings: readonly string[];
}

/** Largest write-ahead file before a commit writes it to the main file: what a start has to replay. */
const checkpointThreshold = "32MiB";

/**
 * Opens the file, or makes it. No statement can reach other files than exports, or change settings. A write-ahead file
 * that cannot be replayed is put aside, never deleted: the store then stands where its main file does, and the log brings
 * the rest again. Exports that a crash left unfinished are removed.
 *
 * @throws StoreStartError where the file is in use, newer or something else
 */
export async function openDatabase(options: WorkerOptions, now: () => number): Promise<OpenedDatabase> {
  const { path } = options;
  mkdirSync(dirname(path), { recursive: true });
  const warnings: string[] = [];
  let instance: DuckDBInstance;
  try {
    instance = await create(options);
  } catch (error) {
    if (!isReplayFailure(error)) throw startError(path, error);
    const aside = putAside(path, now());
    warnings.push(
      `the write-ahead file of ${path} cannot be replayed and was put aside as ${aside.join(", ")}; the store goes on from its last checkpoint, and the log brings the rest again`,
    );
    try {
      instance = await create(options);
    } catch (again) {
      throw startError(path, again);
    }
  }
  const version = await withInstance(instance, async (writer) => {
    const found = await prepareSchema(writer, path);
    if (found === 2) {
      await upgradeFrom2(writer);
      return schemaVersion;
    }
    // A migration reads the main file alone.
    if (found !== schemaVersion) await writer.run("CHECKPOINT");
    return found;
  });
  if (version !== schemaVersion) {
    instance.closeSync();
    try {
      await migrate(options);
      instance = await create(options);
    } catch (error) {
      throw startError(path, error);
    }
    warnings.push(`${path} was migrated from schema version ${version} to ${schemaVersion}`);
  }
  rmSync(options.exportsFolder, { recursive: true, force: true });
  return withInstance(instance, async (writer) => ({ instance, writer, warnings }));
}

/** Runs work on a new connection; closes the instance where that fails. */
async function withInstance<T>(
  instance: DuckDBInstance,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  try {
    return await work(await instance.connect());
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}

/** Closes without a checkpoint; what is in the write-ahead file is replayed when it is opened again. */
export function closeDatabase({ instance, writer }: Database): void {
  writer.closeSync();
  instance.closeSync();
}

async function create({ path, exportsFolder, memoryLimit, threads }: WorkerOptions): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(path, {
    memory_limit: memoryLimit,
    threads: String(threads),
    checkpoint_threshold: checkpointThreshold,
    storage_compatibility_version: storageVersion,
    preserve_insertion_order: "false",
  });
  return withInstance(instance, async (connection) => {
    // A list cannot be given when the instance is made, and not once external access is off.
    await connection.run(`SET GLOBAL allowed_directories = [${quoted(`${exportsFolder}/`)}]`);
    await connection.run("SET GLOBAL enable_external_access = false");
    await connection.run("SET GLOBAL lock_configuration = true");
    connection.closeSync();
    return instance;
  });
}

function isReplayFailure(error: unknown): boolean {
  // The latter is left where a checkpoint reached the main file and a full disk kept the old write-ahead file in place.
  const messages = ["Failure while replaying WAL file", "WAL checkpoint iteration does not match"];
  return error instanceof Error && messages.some((message) => error.message.includes(message));
}

function putAside(path: string, nowMs: number): string[] {
  const aside: string[] = [];
  for (const suffix of [".wal", ".wal.checkpoint", ".wal.recovery"]) {
    const from = path + suffix;
    if (!existsSync(from)) continue;
    const to = `${from}.broken-${nowMs}`;
    renameSync(from, to);
    aside.push(to);
  }
  return aside;
}

function startError(path: string, error: unknown): StoreStartError {
  const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  const holder = /Conflicting lock is held in .*\(PID (\d+)\)/.exec(message);
  if (holder) return new StoreStartError(`${path} is in use by another process (pid ${holder[1]})`, error);
  if (message.includes("not a valid DuckDB database file")) {
    return new StoreStartError(`${path} is not a DuckDB file; choose another with --store`, error);
  }
  return new StoreStartError(`${path} cannot be opened: ${message}`, error);
}
