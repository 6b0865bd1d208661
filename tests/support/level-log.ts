/** Builders for tests of the embedded log: a log in a temporary directory, records, and all that a log holds. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WeirError } from "../../src/domain/errors.ts";
import { readBlock } from "../../src/domain/record/block.ts";
import {
  type LevelDatabase,
  type LevelDatabaseOptions,
  openLevelDatabase,
} from "../../src/log/level/database.ts";
import { createLevelLog, type LevelLogOptions } from "../../src/log/level/level.ts";
import type { EventLog, LogReader, LogRecord } from "../../src/log/log.ts";
import type { LogFixture } from "./log-contract/fixture.ts";

export interface OpenLog {
  readonly database: LevelDatabase;
  readonly log: EventLog;
  close(): Promise<void>;
}

export type OpenLogOptions = Partial<LevelLogOptions> & {
  readonly databaseOptions?: Partial<LevelDatabaseOptions>;
  /** Stands between the log and its database. */
  readonly wrap?: (database: LevelDatabase) => LevelDatabase;
};

export function makeDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), "weir-log-"));
}

export function removeDirectory(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true });
}

/** Opens a log; by default of 4 partitions. */
export async function openLog(directory: string, options: OpenLogOptions = {}): Promise<OpenLog> {
  const { databaseOptions, wrap = (database) => database, ...rest } = options;
  const database = await openLevelDatabase({ directory, ...databaseOptions });
  try {
    const log = await createLevelLog({ partitions: 4, ...rest, database: wrap(database) });
    return {
      database,
      log,
      async close() {
        await log.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

export interface RecordFields {
  readonly project?: string;
  readonly userId?: string;
  readonly receivedMs?: number;
  /** Bytes after the identity. */
  readonly padding?: number;
}

/** A record whose value is its identity as text, so that a test can tell what it reads. */
export function logRecord(id: string, fields: RecordFields = {}): LogRecord {
  const { project = "default", userId = "alice", receivedMs = Date.now(), padding = 0 } = fields;
  return {
    project,
    userId,
    id,
    receivedMs,
    requestId: "",
    value: [Buffer.from(`${project}/${userId}/${id}`), Buffer.alloc(padding, " ")],
  };
}

export interface Stored {
  /** `project/user_id/id` of a record of `logRecord`. */
  readonly identity: string;
  readonly partition: number;
  readonly offset: number;
}

/** Every record of the log, by partition and offset; throws where offsets do not follow one another. */
export async function readAll(log: LogReader, maxBytes = 65_536): Promise<Stored[]> {
  const stored: Stored[] = [];
  for (let partition = 0; partition < log.partitions; partition++) {
    let expected = log.starts()[partition]!;
    const end = log.ends()[partition]!;
    while (expected < end) {
      const blocks = await log.read(partition, expected, maxBytes);
      if (blocks.length === 0) throw new Error(`nothing at ${partition}/${expected}, the end is ${end}`);
      for (const block of blocks) {
        if (block.firstOffset !== expected) {
          throw new Error(`${partition}/${block.firstOffset} follows ${partition}/${expected}`);
        }
        readBlock(block.bytes, (record) => {
          const identity = Buffer.from(record ?? [])
            .toString()
            .trimEnd();
          stored.push({ identity, partition, offset: expected++ });
        });
      }
    }
  }
  return stored;
}

/** Identities of all records, sorted. */
export async function identities(log: EventLog): Promise<string[]> {
  return (await readAll(log)).map((s) => s.identity).sort();
}

/** A database whose commits wait until they are let through, or fail. */
export interface Gate {
  readonly wrap: (database: LevelDatabase) => LevelDatabase;
  /** Commits that wait. */
  readonly waiting: number;
  /** Holds commits from now on. */
  hold(): void;
  /** Lets the commits that wait, and all later ones, through. */
  release(): void;
  /** Fails the commits that wait, before they reach the disk or after, and lets all later ones through. */
  fail(when: "before" | "after"): void;
}

export function createGate(): Gate {
  type Outcome = "written" | "before" | "after";
  let waiting: ((outcome: Outcome) => void)[] = [];
  let held = false;

  function end(outcome: Outcome): void {
    held = false;
    for (const go of waiting) go(outcome);
    waiting = [];
  }

  return {
    wrap: (database) =>
      // What is not held is the database's own.
      Object.create(database, {
        commit: {
          value: async (...commit: Parameters<LevelDatabase["commit"]>) => {
            const outcome = held ? await new Promise<Outcome>((resolve) => waiting.push(resolve)) : "written";
            if (outcome !== "before") await database.commit(...commit);
            if (outcome !== "written")
              throw new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", "failed as told");
          },
        },
      }),
    get waiting() {
      return waiting.length;
    },
    hold() {
      held = true;
    },
    release: () => end("written"),
    fail: end,
  };
}

/** The embedded log as a fixture of the contract that every log keeps. */
export async function levelFixture(): Promise<LogFixture> {
  const directories: string[] = [];
  const gate = createGate();
  let current: OpenLog | undefined;
  return {
    async open(options = {}, again) {
      await current?.close();
      if (again === undefined) directories.push(await makeDirectory());
      current = await openLog(directories.at(-1)!, { wrap: gate.wrap, ...options });
      return current.log;
    },
    hold: gate.hold,
    release: gate.release,
    async remove() {
      await current?.close();
      for (const directory of directories) await removeDirectory(directory);
    },
  };
}
