/** One reader's tail: what it has not read yet, up to a bound, and how many were left out beyond it. */
import type { FlatEvent } from "../domain/record/flatten.ts";
import { compilePredicate } from "../filter/evaluate.ts";
import type { Budget } from "./budget.ts";
import type { LivePlace, LiveQuestion, Span, TailUpdate } from "./live.ts";
import type { FeedMember } from "./member.ts";

export interface Tail {
  readonly member: FeedMember;
  /** What came since the last time; undefined where nothing did. */
  drain(): TailUpdate | undefined;
  /** Where the reader stands once it has read all that was drained. */
  place(): LivePlace;
  /** Resolves when there is something to drain. */
  arrival(): Promise<void>;
  /** Gives all memory back. */
  release(): void;
}

export interface TailOptions {
  readonly budget: Budget;
  /** Milliseconds since 1970; never goes back. */
  readonly now: () => number;
  /** For each partition the offset of the next record to come. */
  readonly ends: readonly number[];
  /** Where the reader goes on; absent: at the ends. */
  readonly after?: LivePlace;
  /** Events that wait for the reader at most, and about their bytes. */
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/**
 * Until it has been given what was there when it came, a tail that is full waits: its records stay on the log. From then
 * on events that find it full are left out and counted, since whoever is slower than what comes would never catch up.
 */
export function createTail(question: LiveQuestion, options: TailOptions): Tail {
  const { budget, now, ends, after, maxEvents, maxBytes } = options;
  const passes = question.filter && compilePredicate(question.filter);
  /** Records before are not meant, though the feed may come by them. */
  const from = after?.positions ?? ends;
  let events: FlatEvent[] = [];
  let bytes = 0;
  let skipped = 0;
  let gap: Span | undefined;
  let seenMs = after?.timeMs ?? now();
  let caughtUp = after === undefined;
  let arrived = Promise.withResolvers<void>();

  /** Whether there is memory for more: each reader has some of its own, so that slow ones cannot take it all. */
  const room = () => bytes < ownBytes || budget.left > 0;
  const full = () => events.length >= maxEvents || bytes >= maxBytes;

  const member: FeedMember = {
    project: question.project,
    positions: from.slice(),
    ready: () => caughtUp || (!full() && room()),
    take({ flat: event, eventBytes }, partition, offset) {
      if (offset < from[partition]!) return;
      if (passes !== undefined && !passes(event)) return;
      if (caughtUp && (full() || !room())) {
        skipped++;
        return;
      }
      const cost = costOf(eventBytes);
      budget.force(cost);
      events.push(event);
      bytes += cost;
    },
    moved() {
      caughtUp ||= ends.every((end, partition) => member.positions[partition]! >= end);
      if (events.length > 0 || skipped > 0 || gap !== undefined) arrived.resolve();
    },
    missed(endMs) {
      gap = { startMs: Math.min(seenMs, endMs), endMs: Math.max(endMs, gap?.endMs ?? endMs) };
    },
  };

  function place(): LivePlace {
    const positions = member.positions.map((position, partition) => Math.max(position, from[partition]!));
    return { timeMs: now(), positions };
  }

  function giveBack(): void {
    budget.give(bytes);
    events = [];
    bytes = 0;
  }

  return {
    member,
    place,
    drain() {
      if (events.length === 0 && skipped === 0 && gap === undefined) return undefined;
      const update = { events, skipped, ...(gap ? { gap } : {}), place: place() };
      giveBack();
      skipped = 0;
      gap = undefined;
      seenMs = update.place.timeMs;
      arrived = Promise.withResolvers();
      return update;
    },
    arrival: () => arrived.promise,
    release: giveBack,
  };
}

/** Memory that a reader has whatever the others take. */
const ownBytes = 64 * 1024;

/** About the memory of an event that took so many bytes on the wire. */
function costOf(eventBytes: number): number {
  return 256 + 2 * eventBytes;
}
