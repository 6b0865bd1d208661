import type { FlatRecord } from "../domain/record/flat-record.ts";

/** Somebody who is given the log's records in the order of each partition. */
export interface FeedMember {
  readonly project: string;
  /** For each partition the offset of the next record; the feed moves them. */
  readonly positions: number[];
  /** Whether it has room for another record; one that has none is left behind until it has. Absent: always. */
  readonly ready?: () => boolean;
  take(record: FlatRecord, partition: number, offset: number): void;
  /** Its positions have moved, whether or not it was given anything. */
  moved(): void;
  /** Records that were received before `endMs` cannot be given. */
  missed(endMs: number): void;
}

/** Whether a member has room for another record. */
export const isReady = (member: FeedMember) => member.ready?.() ?? true;
