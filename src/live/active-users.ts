/**
 * How many different users the buckets of a window have. Each user counts in the bucket in which it was last seen, so
 * that a bucket that leaves the window takes its users with it.
 */
import type { Budget } from "./budget.ts";

/** The part of a bucket that belongs to this file. */
export interface UserBucket {
  /** Number of the bucket; those of the window follow one another. */
  readonly index: number;
  /** Users who were last seen in it. */
  lastSeen: number;
  /** Whether a user came who could not be remembered. */
  usersLost: boolean;
}

export interface ActiveUsers {
  readonly count: number;
  /** `bucketOf` gives a bucket of the window by its number; undefined once it has left. */
  add(userId: string, bucket: UserBucket, bucketOf: (index: number) => UserBucket | undefined): void;
  /** A bucket has left the window; the oldest that is still in it has number `first`. */
  leave(bucket: UserBucket, first: number): void;
  /** Gives all memory back. */
  release(): void;
}

/** What a remembered user costs besides the text, measured at about this much. */
const entryBytes = 64;

export function createActiveUsers(maxUsers: number, budget: Budget): ActiveUsers {
  /** Number of the bucket in which each user was last seen, also of users who have left the window since. */
  const seen = new Map<string, number>();
  let count = 0;
  let taken = 0;

  function remember(userId: string): boolean {
    const bytes = costOf(userId);
    if (!budget.take(bytes)) return false;
    taken += bytes;
    return true;
  }

  function forget(first: number): void {
    for (const [userId, index] of seen) {
      if (index >= first) continue;
      seen.delete(userId);
      const bytes = costOf(userId);
      taken -= bytes;
      budget.give(bytes);
    }
  }

  return {
    get count() {
      return count;
    },
    add(userId, bucket, bucketOf) {
      const last = seen.get(userId);
      if (last !== undefined && last >= bucket.index) return;
      const before = last === undefined ? undefined : bucketOf(last);
      if (before !== undefined) {
        before.lastSeen--;
        count--;
      } else if (count >= maxUsers || !(last !== undefined || remember(userId))) {
        bucket.usersLost = true;
        return;
      }
      seen.set(userId, bucket.index);
      bucket.lastSeen++;
      count++;
    },
    leave(bucket, first) {
      count -= bucket.lastSeen;
      // Rarely enough that it costs each user a constant, often enough that those who left are a constant share.
      if (seen.size > 2 * count + 1024) forget(first);
    },
    release() {
      seen.clear();
      budget.give(taken);
      taken = 0;
      count = 0;
    },
  };
}

function costOf(userId: string): number {
  return entryBytes + userId.length;
}
