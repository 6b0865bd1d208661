import type { Slots } from "../domain/slots.ts";
import type { LogReader } from "../log/log.ts";
import { createBudget } from "./budget.ts";
import { createFeed } from "./feed.ts";
import type { LiveHub, WindowQuestion } from "./live.ts";
import { keepNewest } from "./locate.ts";
import { createSharedWindow, type SharedWindow } from "./shared-window.ts";
import { createTail } from "./tail.ts";
import { streamTail } from "./tail-stream.ts";
import type { WindowLimits } from "./window.ts";
import { streamWindow } from "./window-stream.ts";

export interface LiveHubOptions {
  readonly log: LogReader;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Places for streams. */
  readonly slots: Slots;
  /** Blocks of the log younger than this are still there. */
  readonly logRetentionMs: number;
  /** How long the log knows identities. */
  readonly dedupWindowMs: number;
  /**
   * Others than this program's admission can write to the log: copies may stand on it, and records that break the rules.
   * Default false.
   */
  readonly foreign?: boolean;
  /** Told of a failure to read the log. */
  readonly onError?: (error: unknown) => void;
  /** Most records that one reader reads back; what lies before is reported as a gap. Default 5,000,000. */
  readonly maxRecords?: number;
  /** Least time between two reads of what is new, in milliseconds. Default 50. */
  readonly readIntervalMs?: number;
  /** Longest that records are worked on before requests have a turn, in milliseconds. Default 4. */
  readonly sliceMs?: number;
  /** Time without an update after which a stream gives a heartbeat, in milliseconds. Default 15,000. */
  readonly heartbeatMs?: number;
  /** Memory of all windows together, about. Default 128 MiB. */
  readonly windowBytes?: number;
  /** Memory of all tails together, about. Default 64 MiB. */
  readonly tailBytes?: number;
  /** Events that wait for one tail's reader at most. Default 1,000. */
  readonly tailEvents?: number;
  /** Bounds of each window. */
  readonly windowLimits?: WindowLimits & { readonly maxIdentities?: number };
}

const mib = 1024 ** 2;
/** About the memory that one tail may hold. */
const oneTailBytes = mib;

export function createLiveHub(options: LiveHubOptions): LiveHub {
  const { log, slots, heartbeatMs = 15_000, maxRecords = 5_000_000, tailEvents = 1000 } = options;
  const { foreign = false } = options;
  let latestMs = Number.NEGATIVE_INFINITY;
  const now = () => {
    latestMs = Math.max(latestMs, options.now());
    return latestMs;
  };
  const windowBudget = createBudget(options.windowBytes ?? 128 * mib);
  const tailBudget = createBudget(options.tailBytes ?? 64 * mib);
  const feed = createFeed({
    log,
    foreign,
    intervalMs: options.readIntervalMs ?? 50,
    sliceMs: options.sliceMs ?? 4,
    onError: options.onError ?? (() => {}),
  });
  const windows = new Map<string, { readonly shared: SharedWindow; readers: number }>();
  let tails = 0;

  /** The window of a question, made if nobody else asks it; and what lets go of it. */
  function hold(question: WindowQuestion): { shared: SharedWindow; letGo: () => void } {
    const key = JSON.stringify([question.project, question.windowMs, question.filter?.text]);
    let held = windows.get(key);
    if (held === undefined) {
      const shared = createSharedWindow(question, {
        ...options.windowLimits,
        log,
        feed,
        budget: windowBudget,
        now,
        maxRecords,
        logRetentionMs: options.logRetentionMs,
        // Copies that the consumer drops stand on the log for all to read.
        dedupWindowMs: foreign ? 0 : options.dedupWindowMs,
      });
      held = { shared, readers: 0 };
      windows.set(key, held);
    }
    const mine = held;
    mine.readers++;
    return {
      shared: mine.shared,
      letGo() {
        mine.readers--;
        if (mine.readers > 0) return;
        windows.delete(key);
        mine.shared.release();
      },
    };
  }

  return {
    async *windows(question, streamOptions) {
      const giveBack = slots.take(streamOptions.sharer);
      const { shared, letGo } = hold(question);
      try {
        const { logRetentionMs } = options;
        yield* streamWindow(shared, question, streamOptions, { log, now, logRetentionMs, heartbeatMs });
      } finally {
        letGo();
        giveBack();
      }
    },
    async *tail(question, { signal, after, sharer }) {
      const giveBack = slots.take(sharer);
      const ends = log.ends();
      const positions =
        after && ends.map((end, partition) => Math.min(end, after.positions[partition] ?? end));
      const tail = createTail(question, {
        budget: tailBudget,
        now,
        ends,
        ...(after && positions ? { after: { timeMs: after.timeMs, positions } } : {}),
        maxEvents: tailEvents,
        maxBytes: oneTailBytes,
      });
      tails++;
      try {
        const cutMs = await keepNewest(log, tail.member.positions, maxRecords);
        if (cutMs !== undefined) tail.member.missed(cutMs);
        feed.add(tail.member);
        tail.member.moved();
        yield* streamTail(tail, { signal, heartbeatMs, drained: feed.wake });
      } finally {
        tails--;
        feed.remove(tail.member);
        tail.release();
        giveBack();
      }
    },
    health: () => ({
      name: "live",
      status: feed.trouble === "" ? "healthy" : "degraded",
      message: feed.trouble,
    }),
    stats: () => ({ ...feed.stats(), streams: slots.taken, windows: windows.size, tails }),
    close: () => feed.close(),
  };
}
