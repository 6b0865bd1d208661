/** A sliding window by received time, in buckets, so that it moves in steps and its figures are always at hand. */
import { type ActiveUsers, createActiveUsers, type UserBucket } from "./active-users.ts";
import type { Budget } from "./budget.ts";
import type { NameTotal, WindowFigures } from "./live.ts";
import { createNameCounts, type NameBucket, type NameCounts } from "./name-counts.ts";

/** What a window sees of an event. */
export interface WindowEvent {
  readonly userId: string;
  readonly name: string;
}

export interface SlidingWindow {
  readonly windowMs: number;
  /** Where the window ends: up to a step after the instant that it was moved to. */
  readonly endMs: number;
  /** Grows whenever a figure may have changed. */
  readonly version: number;
  /** Moves the window to an instant, in milliseconds since 1970; it never goes back. */
  advance(nowMs: number): void;
  /**
   * Counts an event by its received time. One that the window has left behind does not count; one of the future, which
   * only a clock that was set back makes, counts now.
   */
  add(event: WindowEvent, receivedMs: number): void;
  figures(): Omit<WindowFigures, "duplicatesPossible">;
  top(limit: number): NameTotal[];
  /** Gives all memory back. */
  release(): void;
}

export interface WindowLimits {
  /** Users that are counted exactly. Default 100,000. */
  readonly maxUsers?: number;
  /** Names that are counted exactly, summed over the window's steps. Default 400,000. */
  readonly maxNameCells?: number;
}

export const longestWindowMs = 3_600_000;

const second = 1000;
const minute = 60 * second;

/** In what steps a window moves: at most 1% of its length, or a twentieth of one of 10 s or less. */
export function stepOf(windowMs: number): number {
  if (windowMs <= 10 * second) return 50;
  if (windowMs <= minute) return 250;
  return windowMs <= 10 * minute ? second : 5 * second;
}

interface Bucket extends UserBucket, NameBucket {
  index: number;
  events: number;
}

/** @param windowMs is rounded up to whole steps */
export function createSlidingWindow(
  windowMs: number,
  budget: Budget,
  limits: WindowLimits = {},
): SlidingWindow {
  const step = stepOf(windowMs);
  const length = Math.ceil(windowMs / step);
  /** The bucket of number i stands at i modulo length. */
  const buckets = Array.from({ length }, (_, index) => newBucket(index - length));
  const users: ActiveUsers = createActiveUsers(limits.maxUsers ?? 100_000, budget);
  const names: NameCounts = createNameCounts(limits.maxNameCells ?? 400_000, budget);
  /** Number of the newest bucket. */
  let head = -1;
  let events = 0;
  let usersLost = 0;
  let namesLost = 0;
  let version = 0;

  const bucketOf = (index: number) => (index > head - length ? buckets[index % length] : undefined);

  function leave(bucket: Bucket): void {
    if (bucket.events === 0) return;
    events -= bucket.events;
    if (bucket.usersLost) usersLost--;
    if (bucket.namesLost) namesLost--;
    users.leave(bucket, head - length + 1);
    names.leave(bucket);
    version++;
  }

  return {
    windowMs: length * step,
    get endMs() {
      return (head + 1) * step;
    },
    get version() {
      return version;
    },
    advance(nowMs) {
      const next = Math.floor(nowMs / step);
      if (next <= head) return;
      const first = Math.max(head + 1, next - length + 1);
      head = next;
      for (let index = first; index <= next; index++) {
        leave(buckets[index % length]!);
        buckets[index % length] = newBucket(index);
      }
    },
    add({ userId, name }, receivedMs) {
      const index = Math.min(head, Math.floor(receivedMs / step));
      const bucket = bucketOf(index);
      if (bucket === undefined) return;
      bucket.events++;
      events++;
      version++;
      const lost = { users: bucket.usersLost, names: bucket.namesLost };
      users.add(userId, bucket, bucketOf);
      names.add(name, bucket);
      if (bucket.usersLost && !lost.users) usersLost++;
      if (bucket.namesLost && !lost.names) namesLost++;
    },
    figures: () => ({
      startMs: (head - length + 1) * step,
      endMs: (head + 1) * step,
      events,
      activeUsers: users.count,
      activeUsersAtLeast: usersLost > 0,
      topEventsAtLeast: namesLost > 0,
    }),
    top: (limit) => names.top(limit),
    release() {
      users.release();
      names.release();
    },
  };
}

function newBucket(index: number): Bucket {
  return { index, events: 0, lastSeen: 0, usersLost: false, namesLost: false };
}
