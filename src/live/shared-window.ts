/** One window for all who ask the same question of it: filled from the log, then kept as the log grows. */
import { deadLetterId, deadLetterPlace, replayIdentity } from "../domain/record/dead-letter.ts";
import type { FlatRecord } from "../domain/record/flat-record.ts";
import { compilePredicate } from "../filter/evaluate.ts";
import type { Filter } from "../filter/filter.ts";
import type { LogReader } from "../log/log.ts";
import type { Budget } from "./budget.ts";
import type { Feed } from "./feed.ts";
import { createIdentities } from "./identities.ts";
import type { NameTotal, Span, WindowFigures } from "./live.ts";
import { locate } from "./locate.ts";
import type { FeedMember } from "./member.ts";
import { createSlidingWindow, longestWindowMs, type WindowLimits } from "./window.ts";

export interface SharedWindow {
  /**
   * Resolves once the window has all that it can have of its time.
   *
   * @throws what reading the log throws
   */
  readonly filled: Promise<void>;
  /** What the window cannot have, although it belongs to its time; the latest such span. */
  readonly missing: Span | undefined;
  /** Grows whenever a figure may have changed. */
  readonly version: number;
  readonly positions: readonly number[];
  /** Resolves once a figure may have changed by what came, not by what went. */
  change(): Promise<void>;
  /** The window at an instant, in milliseconds since 1970. */
  figures(nowMs: number): WindowFigures;
  top(limit: number): readonly NameTotal[];
  release(): void;
}

export interface SharedWindowOptions extends WindowLimits {
  readonly log: LogReader;
  readonly feed: Feed;
  readonly budget: Budget;
  /** Milliseconds since 1970; never goes back. */
  readonly now: () => number;
  /** Most records that are read back. */
  readonly maxRecords: number;
  /** Blocks younger than this are still on the log. */
  readonly logRetentionMs: number;
  /**
   * How long the log knows identities, of which it then has no copy. Where that is shorter than the longest window, the
   * window remembers them.
   */
  readonly dedupWindowMs: number;
  /** Identities that one window remembers. Default 200,000. */
  readonly maxIdentities?: number;
}

export function createSharedWindow(
  question: { readonly project: string; readonly filter?: Filter; readonly windowMs: number },
  options: SharedWindowOptions,
): SharedWindow {
  const { feed, budget, now } = options;
  const window = createSlidingWindow(question.windowMs, budget, options);
  window.advance(now());
  const passes = question.filter && compilePredicate(question.filter);
  const identities =
    options.dedupWindowMs < longestWindowMs
      ? createIdentities({
          keepMs: longestWindowMs,
          maxIdentities: options.maxIdentities ?? 200_000,
          budget,
        })
      : undefined;
  const filled = Promise.withResolvers<void>();
  let change: PromiseWithResolvers<void> | undefined;
  let told = -1;
  let missing: Span | undefined;
  let released = false;
  let top: { version: number; limit: number; names: readonly NameTotal[] } | undefined;

  function miss(endMs: number): void {
    const { startMs } = window.figures();
    if (endMs > startMs) missing = { startMs, endMs };
    identities?.missing(endMs);
  }

  /** Whether neither the event came before nor, where it is the replay of a dead letter, another of the same. */
  function isNew({ flat, replays }: FlatRecord, receivedMs: number): boolean {
    if (identities === undefined) return true;
    const nowMs = now();
    const letter = replays === undefined ? undefined : deadLetterPlace(replays);
    const ids = letter === undefined ? [flat.id] : [replayIdentity(deadLetterId(letter)), flat.id];
    // A time of the future, which others may write, must not be remembered for ever.
    return ids.every((id) => identities.isNew(flat.userId, id, Math.min(receivedMs, nowMs), nowMs));
  }

  const member: FeedMember = {
    project: question.project,
    positions: [],
    take(record) {
      const { flat } = record;
      const receivedMs = receivedMsOf(record);
      if (receivedMs >= window.endMs) window.advance(now());
      if (!isNew(record, receivedMs)) return;
      if (passes === undefined || passes(flat)) window.add(flat, receivedMs);
    },
    moved() {
      if (feed.atHead(member)) filled.resolve();
      if (window.version === told) return;
      told = window.version;
      change?.resolve();
      change = undefined;
    },
    missed: miss,
  };

  async function join(): Promise<void> {
    const nowMs = now();
    // An identity's first copy may be as old as the longest window.
    const fromMs = identities === undefined ? window.figures().startMs : nowMs - longestWindowMs;
    const { positions, missingBeforeMs } = await locate(options, nowMs, fromMs);
    if (released) return;
    if (missingBeforeMs !== undefined) miss(missingBeforeMs);
    member.positions.push(...positions);
    feed.add(member);
    member.moved();
  }
  join().catch(filled.reject);
  // Who waits is told; nobody may be waiting any more.
  filled.promise.catch(() => {});

  return {
    filled: filled.promise,
    get missing() {
      return missing;
    },
    get version() {
      return window.version;
    },
    positions: member.positions,
    change() {
      change ??= Promise.withResolvers();
      return change.promise;
    },
    figures(nowMs) {
      window.advance(nowMs);
      return { ...window.figures(), duplicatesPossible: identities?.incomplete(nowMs) ?? false };
    },
    top(limit) {
      const { version } = window;
      if (top?.version !== version || top.limit < limit) top = { version, limit, names: window.top(limit) };
      return top.names.slice(0, limit);
    },
    release() {
      released = true;
      feed.remove(member);
      window.release();
      identities?.release();
    },
  };
}

function receivedMsOf({ flat }: FlatRecord): number {
  return Math.floor(flat.receivedUs / 1000);
}
