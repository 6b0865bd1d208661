/** The embedded log and store of one data directory, as the server lays them out, and a consumer between them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { type Consumer, type ConsumerOptions, createConsumer } from "../../src/consumer/consumer.ts";
import { bindStore, checkPositions } from "../../src/consumer/start-check.ts";
import { everyPartition } from "../../src/log/assignment.ts";
import { type LevelDatabase, openLevelDatabase } from "../../src/log/level/database.ts";
import { createLevelLog, type LevelLogOptions } from "../../src/log/level/level.ts";
import type { EventLog, LogRecord } from "../../src/log/log.ts";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import type { StoredEvent } from "../../src/store/questions.ts";
import type { EventStore } from "../../src/store/store.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { type EventInit, patiently, recordOf } from "./store.ts";

export const project = "default";

/** What the whole pipeline takes for now, in milliseconds since 1970. */
export interface Clock {
  nowMs: number;
}

export interface Pipeline {
  readonly database: LevelDatabase;
  readonly log: EventLog;
  readonly store: EventStore;
  /** A consumer that is not yet started; each call makes a new one. */
  consumer(options?: Partial<ConsumerOptions>): Consumer;
  close(): Promise<void>;
}

export interface PipelineOptions {
  readonly clock?: Clock;
  readonly log?: Partial<LevelLogOptions>;
  /** As --rebuild-store. */
  readonly rebuild?: boolean;
}

export function makeDataDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), "weir-data-"));
}

export function removeDataDirectory(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true });
}

/** Opens log and store and checks that they fit, as a start of the server does. */
export async function openPipeline(directory: string, options: PipelineOptions = {}): Promise<Pipeline> {
  const clock = options.clock ?? { nowMs: 1_700_000_000_000 };
  const now = () => clock.nowMs;
  const database = await openLevelDatabase({ directory: join(directory, "log") });
  const log = await createLevelLog({ database, partitions: 8, now, ...options.log });
  const store = await createDuckdbStore({ path: join(directory, "store.duckdb") });
  const close = async () => {
    await store.close();
    await log.close();
    await database.close();
  };
  try {
    await bindStore(log, store, "");
    const offsets = async () => ({ starts: log.starts(), ends: log.ends() });
    await checkPositions({ ...log, offsets }, store, options.rebuild ?? false);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    database,
    log,
    store,
    consumer: (more = {}) =>
      createConsumer({
        log,
        store,
        assignment: everyPartition(log.partitions),
        metrics: createMetrics({ startedAtMs: now(), now }),
        logger: createLogger({ level: "silent" }),
        now,
        backoffMs: { least: 1, most: 20 },
        intervalMs: 0,
        ...more,
      }),
    close,
  };
}

export type EventOptions = EventInit & {
  readonly id: string;
  readonly receivedMs?: number;
  /** Default: that of these tests. */
  readonly project?: string;
};

/** A record of the log that holds an event, by default of alice. */
export function eventRecord(options: EventOptions): LogRecord {
  const { receivedMs = 1_700_000_000_000, project: owner = project, ...event } = options;
  const { id, userId = "alice" } = event;
  const value = recordOf({
    project: owner,
    receivedUs: receivedMs * 1000,
    event: { name: "tick", ...event, userId },
  });
  return { project: owner, userId, id, receivedMs, requestId: "", value: [value] };
}

/** Appends events of several users, in calls of ten; their ids are made of `name`. */
export async function appendEvents(log: EventLog, name: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${name}-${i}`);
  for (let at = 0; at < count; at += 10) {
    const records = ids
      .slice(at, at + 10)
      .map((id, i) => eventRecord({ id, userId: `user-${(at + i) % 13}` }));
    expect((await log.append(records)).duplicateCount).toBe(0);
  }
  return ids;
}

export async function storedEvents(store: EventStore, of = project): Promise<readonly StoredEvent[]> {
  const question = { kind: "events", selection: { project: of }, limit: 10_000 } as const;
  return (await store.ask(question, patiently())).events;
}

/** Ids of everything stored, sorted; what is there twice is listed twice. */
export async function storedIds(store: EventStore): Promise<string[]> {
  return (await storedEvents(store)).map(({ id }) => id).sort();
}

/** Resolves once the store has all that the log has. */
export function applied({ log, store }: Pick<Pipeline, "log" | "store">): Promise<void> {
  return vi.waitFor(() => expect(store.positions()).toEqual(log.ends()), { timeout: 60_000 });
}
