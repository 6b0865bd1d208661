/** One reader's stream of a window: what changed since the update before. */
import { pause } from "../domain/pause.ts";
import type { LogReader } from "../log/log.ts";
import type { LiveOptions, LivePlace, NameTotal, Span, WindowQuestion, WindowUpdate } from "./live.ts";
import { locate } from "./locate.ts";
import type { SharedWindow } from "./shared-window.ts";

export interface WindowStreamOptions {
  readonly log: LogReader;
  /** Milliseconds since 1970; never goes back. */
  readonly now: () => number;
  readonly logRetentionMs: number;
  /** Time without an update after which there is a heartbeat, in milliseconds. */
  readonly heartbeatMs: number;
}

/** The updates of a window that the caller holds, and releases. */
export async function* streamWindow(
  shared: SharedWindow,
  question: Pick<WindowQuestion, "intervalMs" | "limit">,
  { signal, after }: LiveOptions,
  options: WindowStreamOptions,
): AsyncGenerator<WindowUpdate | "heartbeat"> {
  const { now, heartbeatMs } = options;
  let state: "filling" | "filled" | "failed" = "filling";
  const settled = shared.filled.then(
    () => {
      state = "filled";
    },
    () => {
      state = "failed";
    },
  );
  for (;;) {
    await pause(heartbeatMs, signal, settled);
    if (signal.aborted) return;
    if (state !== "filling") break;
    yield "heartbeat";
  }
  await shared.filled;
  let gap = after && (await missedSince(after, shared, options));
  let reported: Span | undefined;
  let sent: Sent | undefined;
  let sentAt = performance.now();
  while (!signal.aborted) {
    const change = shared.change();
    const figures = shared.figures(now());
    const { missing } = shared;
    if (missing !== reported && missing !== undefined && missing.endMs > figures.startMs) {
      gap = gap ? joined(gap, missing) : missing;
    }
    reported = missing;
    const { version } = shared;
    const { duplicatesPossible } = figures;
    if (gap || sent?.version !== version || sent.duplicatesPossible !== duplicatesPossible) {
      const top = shared.top(question.limit);
      const place = { timeMs: now(), positions: shared.positions.slice() };
      const topEvents = sent === undefined ? top : changes(sent.top, top);
      const complete = sent === undefined;
      sent = { version, duplicatesPossible, top };
      sentAt = performance.now();
      yield { figures, complete, topEvents, place, ...(gap ? { gap } : {}) };
      gap = undefined;
      await pause(question.intervalMs, signal);
      continue;
    }
    if (performance.now() - sentAt >= heartbeatMs) {
      sentAt = performance.now();
      yield "heartbeat";
    }
    // What goes is seen at the next look; what comes is told at once.
    await pause(question.intervalMs, signal, change);
  }
}

interface Sent {
  readonly version: number;
  readonly duplicatesPossible: boolean;
  readonly top: readonly NameTotal[];
}

/** Names whose number changed, and with 0 those that are no longer there. */
function changes(before: readonly NameTotal[], now: readonly NameTotal[]): NameTotal[] {
  const old = new Map(before.map(({ name, events }) => [name, events]));
  const changed = now.filter(({ name, events }) => old.get(name) !== events);
  for (const { name } of now) old.delete(name);
  return [...changed, ...[...old.keys()].map((name) => ({ name, events: 0 }))];
}

/** What came and went between the break and the window's start; undefined where nothing lies there. */
async function missedSince(
  after: LivePlace,
  shared: SharedWindow,
  options: WindowStreamOptions,
): Promise<Span | undefined> {
  const nowMs = options.now();
  const { startMs } = shared.figures(nowMs);
  if (after.timeMs >= startMs) return undefined;
  const maxRecords = Number.POSITIVE_INFINITY;
  const { positions } = await locate({ ...options, maxRecords }, nowMs, startMs);
  const some = positions.some((position, partition) => position > (after.positions[partition] ?? 0));
  return some ? { startMs: after.timeMs, endMs: startMs } : undefined;
}

function joined(a: Span, b: Span): Span {
  return { startMs: Math.min(a.startMs, b.startMs), endMs: Math.max(a.endMs, b.endMs) };
}
