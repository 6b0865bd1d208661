/** A live hub over a real log, with a clock of its own, and readers that read as a test tells them. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { encodeEventField, encodeRecordHead } from "../../src/domain/record/record.ts";
import { createSlots } from "../../src/domain/slots.ts";
import { createLiveHub, type LiveHubOptions } from "../../src/live/hub.ts";
import type { LiveHub, LivePlace, TailUpdate, WindowUpdate } from "../../src/live/live.ts";
import type { LevelLogOptions } from "../../src/log/level/level.ts";
import type { EventLog, LogReader, LogRecord } from "../../src/log/log.ts";
import { temporaryLog } from "./log.ts";

export type LiveEvent = MessageInitShape<typeof EventSchema> & {
  readonly id: string;
  readonly project?: string;
  /** Default: the clock's time. */
  readonly receivedMs?: number;
};

export interface LiveFixture {
  readonly clock: { ms: number };
  readonly log: EventLog;
  readonly hub: LiveHub;
  /** Another hub over the same log, as after a restart. */
  another(options?: Partial<LiveHubOptions>): LiveHub;
  /** Appends the events in one call. */
  send(...events: readonly LiveEvent[]): Promise<void>;
  /** Closes hubs and log; readers must have ended. */
  close(): Promise<void>;
}

export interface LiveFixtureOptions {
  readonly hub?: Partial<LiveHubOptions>;
  readonly log?: Partial<LevelLogOptions>;
  /** Stands between the hub and the log. */
  readonly wrap?: (log: LogReader) => LogReader;
}

export const liveStartMs = 1_700_000_000_000;

export async function liveFixture({
  hub,
  log: logOptions,
  wrap = (log) => log,
}: LiveFixtureOptions = {}): Promise<LiveFixture> {
  const clock = { ms: liveStartMs };
  const now = () => clock.ms;
  const { log, remove } = await temporaryLog({ now, ...logOptions });
  const hubs: LiveHub[] = [];
  const another = (more: Partial<LiveHubOptions> = {}) => {
    const made = createLiveHub({
      log: wrap(log),
      now,
      slots: createSlots(100, "places"),
      logRetentionMs: Number.POSITIVE_INFINITY,
      dedupWindowMs: Number.POSITIVE_INFINITY,
      readIntervalMs: 1,
      ...more,
    });
    hubs.push(made);
    return made;
  };
  return {
    clock,
    log,
    hub: another(hub),
    another,
    async send(...events) {
      await log.append(events.map((event) => recordOf(event, clock.ms)));
    },
    async close() {
      for (const made of hubs) await made.close();
      await remove();
    },
  };
}

function recordOf({ project = "default", receivedMs, ...event }: LiveEvent, nowMs: number): LogRecord {
  const { id, userId = "alice" } = event;
  const bytes = toBinary(EventSchema, create(EventSchema, { name: "tick", ...event, userId }));
  const head = encodeRecordHead(project, (receivedMs ?? nowMs) * 1000, "");
  const value = [head, encodeEventField(bytes.length), bytes];
  return { project, userId, id, receivedMs: receivedMs ?? nowMs, requestId: "", value };
}

/** A stream that is read when the test says so. */
export interface Reader<T> {
  /** The next update that is no heartbeat. */
  next(): Promise<T>;
  /** The next update, a heartbeat too. */
  any(): Promise<T | "heartbeat">;
  /** Reads until `condition` holds of what was read. */
  until(condition: (all: readonly T[]) => boolean): Promise<readonly T[]>;
  /** All that was read so far but heartbeats. */
  readonly all: readonly T[];
  /** The place of the last one. */
  readonly place: LivePlace;
  /** Ends the stream and waits until it has. */
  end(): Promise<void>;
}

/** Begins to read: the stream stands where it stands once its first update has come. */
export function readerOf<T extends { readonly place: LivePlace }>(
  start: (options: { signal: AbortSignal }) => AsyncIterable<T | "heartbeat">,
): Reader<T> {
  const controller = new AbortController();
  const iterator = start({ signal: controller.signal })[Symbol.asyncIterator]();
  const all: T[] = [];
  async function any(): Promise<T | "heartbeat"> {
    const { value, done } = await iterator.next();
    if (done) throw new Error("the stream has ended");
    if (value !== "heartbeat") all.push(value);
    return value;
  }
  async function next(): Promise<T> {
    for (;;) {
      const value = await any();
      if (value !== "heartbeat") return value;
    }
  }
  return {
    any,
    next,
    all,
    async until(condition) {
      while (!condition(all)) await any();
      return all;
    },
    get place() {
      return all.at(-1)!.place;
    },
    async end() {
      controller.abort();
      await iterator.return?.();
    },
  };
}

export const idsOf = (updates: readonly TailUpdate[]) =>
  updates.flatMap(({ events }) => events.map(({ id }) => id));

/** The names as a reader knows them that has followed every change. */
export function topOf(updates: readonly WindowUpdate[]): Record<string, number> {
  const names = new Map<string, number>();
  for (const { complete, topEvents } of updates) {
    if (complete) names.clear();
    for (const { name, events } of topEvents) {
      if (events === 0) names.delete(name);
      else names.set(name, events);
    }
  }
  return Object.fromEntries(names);
}
